// Package logging says what the daemon does: to a rotating file and to the
// systemd journal or, where the daemon was not started by systemd, to stderr.
// It also is the one place where the typed events of package recovery become
// log lines. Nothing is decided here, and a log that cannot be written stops
// nobody who logs.
//
// A text line is
//
//	2026-11-23 02:49:46 - INFO - Process recovered event=recovery_succeeded process=nginx took=1.2s
//
// in local time, with the levels DEBUG, INFO, WARNING and ERROR. A value that
// holds anything but plain printable characters is quoted as a Go string, so
// that no value can start a line or an attribute of its own. A JSON line is
// one object with the keys time, level and msg before the attributes.
//
// In the journal MESSAGE is the message with its attributes, for people, and
// every attribute is a field of its own, MONITOR_PROCESS for the key process.
// The key event is a field only: the message already says it. Vocabulary and
// Messages list what the events are made of.
//
// The file is rotated before the line that would make it exceed its size, and
// its mode is 0640. Rotated files are named as lumberjack names them, after
// the time of the rotation in UTC: monitor_service-2026-11-23T02-49-46.123.log
// beside monitor_service.log, with .gz when they are compressed. Files .1 to
// .N of the bash daemon are left alone. A file that is moved or removed by
// somebody else is made anew at the next line, its directory as well, though
// not the directory above it.
//
// A log that cannot be written is said once in the other log, tried again
// every few seconds as long as there is something to say, and said once more,
// with the number of lines lost, when it is back.
//
// Lumberjack cannot run inside a testing/synctest bubble: tests that use one
// log to Console alone.
package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/journal"

	"monitor_service/internal/config"
)

// Logs is where the daemon's log lines go. It is safe for use by several
// goroutines.
type Logs struct {
	logger *slog.Logger
	level  slog.LevelVar
	format atomic.Int64 // a config.Format

	// rotating is guarded by the mutex of file.
	rotating *logFile
	file     sink
	toFile   slog.Handler

	console     sink
	consoleName string
	toConsole   slog.Handler

	// scratch is where a handler leaves the line that it made, so that
	// the line is written, and its failure told, outside of the handler.
	scratchMu sync.Mutex
	scratch   bytes.Buffer
}

// Option changes what New builds.
type Option func(*Logs)

// Console sends to w, as text, what would go to the journal or to stderr.
func Console(w io.Writer) Option {
	return func(l *Logs) { l.textConsole("Console", w) }
}

// New opens the log. A log file that cannot be opened is not an error: it is
// said in the journal and tried again, see the package's comment. An error
// means that cfg was not validated.
func New(cfg config.Logging, opts ...Option) (*Logs, error) {
	level, err := check(cfg)
	if err != nil {
		return nil, err
	}
	l := &Logs{rotating: newLogFile()}
	l.level.Set(level)
	l.format.Store(int64(cfg.Format))
	l.file.write, l.file.retryAfter = l.rotating.write, retryAfter
	l.file.name = func() string { return l.rotating.settings.path }
	l.console.retryAfter = retryAfter
	l.toFile = newFileHandler(l)
	for _, opt := range opts {
		opt(l)
	}
	if l.toConsole == nil {
		l.systemConsole()
	}
	l.logger = slog.New(slog.NewMultiHandler(l.toConsole, l.toFile))

	if err := l.rotating.use(cfg); err != nil {
		return nil, err
	}
	l.putFile(nil)
	return l, nil
}

// Logger returns the logger, which stays the same through every Reconfigure.
func (l *Logs) Logger() *slog.Logger { return l.logger }

// Reconfigure changes level, format and file. A new file is opened before the
// old one is let go: an error means that nothing has changed. A file that
// stays the same is not tried, so that a full disk refuses no reload.
func (l *Logs) Reconfigure(cfg config.Logging) error {
	level, err := check(cfg)
	if err != nil {
		return err
	}
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	if cfg.File != "" && cfg.File != l.rotating.settings.path {
		if _, err := prepare(cfg.File); err != nil {
			return err
		}
	}
	_ = l.rotating.use(cfg) // nothing is buffered that a failed close could lose
	l.file.retryAt = time.Time{}
	l.level.Set(level)
	l.format.Store(int64(cfg.Format))
	return nil
}

// Close ends the log file. Lines that come later go to the journal alone.
func (l *Logs) Close() error {
	if lost := l.file.lostSoFar(); lost > 0 {
		l.tell(l.toConsole, slog.LevelError, "Log file is closed before it could be written again", slog.Int("lost", lost))
	}
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	return l.rotating.use(config.Logging{})
}

// check returns cfg's level as slog knows it.
func check(cfg config.Logging) (slog.Level, error) {
	var errs []error
	level := slog.LevelInfo
	switch cfg.Level {
	case config.LevelDebug:
		level = slog.LevelDebug
	case config.LevelInfo:
	case config.LevelWarning:
		level = slog.LevelWarn
	case config.LevelError:
		level = slog.LevelError
	case config.LevelUnknown:
		errs = append(errs, fmt.Errorf("log level %q is not known", cfg.Level))
	}
	if cfg.File == "" {
		return level, errors.Join(errs...)
	}
	if cfg.Format != config.FormatText && cfg.Format != config.FormatJSON {
		errs = append(errs, fmt.Errorf("log format %q is not known", cfg.Format))
	}
	if cfg.MaxSize < 1 || cfg.FilesToKeep < 0 {
		errs = append(errs, fmt.Errorf("log file %q: its size of %d bytes must be at least 1, its %d rotated files at least 0",
			cfg.File, cfg.MaxSize, cfg.FilesToKeep))
	}
	return level, errors.Join(errs...)
}

// systemConsole chooses the journal where stderr is connected to it, which
// systemd says in JOURNAL_STREAM (systemd.exec(5)), else stderr.
func (l *Logs) systemConsole() {
	socket := &journalSocket{path: journalPath}
	if isJournal, err := journal.StderrIsJournalStream(); err == nil && isJournal && socket.write(nil) == nil {
		l.journalConsole(socket.write)
		return
	}
	l.textConsole("Stderr", os.Stderr)
}

func (l *Logs) textConsole(name string, w io.Writer) {
	l.consoleName = name
	l.console.write = func(line []byte) error {
		_, err := w.Write(line)
		return err
	}
	l.toConsole = &flatHandler{level: &l.level, write: func(e entry) { l.putConsole(appendLine(nil, e)) }}
}

// journalConsole sends entries in the journal's native protocol.
func (l *Logs) journalConsole(send func([]byte) error) {
	l.consoleName = "Journal"
	l.console.write = send
	l.toConsole = &flatHandler{level: &l.level, write: func(e entry) { l.putConsole(journalEntry(e)) }}
}

// putFile writes a line to the file; an empty one only opens it.
func (l *Logs) putFile(line []byte) {
	c := l.file.put(time.Now(), line)
	file := slog.String("file", c.name)
	switch {
	case c.began:
		l.tell(l.toConsole, slog.LevelError, "Log file cannot be written, will retry", file, slog.Any("error", c.err), slog.Int("lost", c.lost))
	case c.ended:
		back := []slog.Attr{file, slog.Int("lost", c.lost), slog.Duration("took", c.took)}
		l.tell(l.toConsole, slog.LevelWarn, "Log file is written again", back...)
		l.tell(l.toFile, slog.LevelWarn, "Log file is written again", back...)
	}
}

// putConsole is putFile for the journal or stderr.
func (l *Logs) putConsole(line []byte) {
	c := l.console.put(time.Now(), line)
	switch {
	case c.began:
		l.tell(l.toFile, slog.LevelError, l.consoleName+" cannot be written, will retry", slog.Any("error", c.err), slog.Int("lost", c.lost))
	case c.ended:
		back := []slog.Attr{slog.Int("lost", c.lost), slog.Duration("took", c.took)}
		l.tell(l.toFile, slog.LevelWarn, l.consoleName+" is written again", back...)
		l.tell(l.toConsole, slog.LevelWarn, l.consoleName+" is written again", back...)
	}
}

// tell logs to one handler alone, whatever the level.
func (l *Logs) tell(to slog.Handler, level slog.Level, message string, attrs ...slog.Attr) {
	r := slog.NewRecord(time.Now(), level, message, 0)
	r.AddAttrs(attrs...)
	_ = to.Handle(context.Background(), r) // the handlers here return no error
}
