// Package logging says what the daemon does: to a rotating file and to the
// systemd journal or, where the daemon was not started by systemd, to stderr.
// It also is the one place where the typed events of package recovery become
// log lines. Nothing is decided here, and a log that cannot be written, or that
// hangs, stops nobody who logs.
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
// every few seconds with the newest line that it did not take, whether there is
// more to say or not, and said once more, with the number of lines lost, when
// it is back.
//
// Who logs makes the line and adds it to a queue of each log; one goroutine for
// each writes them, in the order in which they were added. So a frozen file
// system, or a pipe that nobody reads, holds up that goroutine alone. It is
// said in the other log as soon as a write takes too long; a queue that is full
// drops what comes and counts it as lost. Close writes what waits, though it
// does not wait for ever. What waits when the process crashes is lost.
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

// answerWait is how long Close waits for a log that may hang, and Reconfigure
// for a file. The daemon feeds no watchdog meanwhile.
const answerWait = 2 * time.Second

// Logs is where the daemon's log lines go. It is safe for use by several
// goroutines.
type Logs struct {
	logger *slog.Logger
	level  slog.LevelVar
	format atomic.Int64 // a config.Format

	// rotating belongs to the goroutine that writes the file.
	rotating *logFile
	file     sink
	toFile   slog.Handler

	// reconfiguring guards path, which is the file's once all that waits
	// is written.
	reconfiguring sync.Mutex
	path          string
	// trying has room for one new file that is tried.
	trying chan struct{}

	console     sink
	consoleName string
	toConsole   slog.Handler

	// scratch is where a handler leaves the line that it made, so that
	// the line is added, and its loss told, outside of the handler.
	scratchMu sync.Mutex
	scratch   bytes.Buffer
}

// Option changes what New builds.
type Option func(*Logs)

// Console sends to w, as text, what would go to the journal or to stderr. A
// goroutine of the log's own writes to it; after Close it has everything.
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
	l := &Logs{rotating: newLogFile(), path: cfg.File, trying: make(chan struct{}, 1)}
	l.level.Set(level)
	l.format.Store(int64(cfg.Format))
	l.file.write, l.file.tell, l.file.retryAfter = l.rotating.write, l.tellOfFile, retryAfter
	l.console.tell, l.console.retryAfter = l.tellOfConsole, retryAfter
	l.toFile = newFileHandler(l)
	for _, opt := range opts {
		opt(l)
	}
	if l.toConsole == nil {
		l.systemConsole()
	}
	l.logger = slog.New(slog.NewMultiHandler(l.toConsole, l.toFile))

	l.file.do(func() { l.use(cfg) })
	l.file.add(nil) // opens it
	return l, nil
}

// Logger returns the logger, which stays the same through every Reconfigure.
func (l *Logs) Logger() *slog.Logger { return l.logger }

// Reconfigure changes level, format and file. A new file is opened before the
// old one is let go, which happens when the old one has what waits for it: an
// error means that nothing has changed. A file that stays the same is not
// tried, so that a full disk refuses no reload.
func (l *Logs) Reconfigure(cfg config.Logging) error {
	level, err := check(cfg)
	if err != nil {
		return err
	}
	l.reconfiguring.Lock()
	defer l.reconfiguring.Unlock()
	if cfg.File != "" && cfg.File != l.path {
		if err := l.try(cfg.File); err != nil {
			return err
		}
	}
	l.path = cfg.File
	l.file.do(func() { l.use(cfg) })
	l.level.Set(level)
	l.format.Store(int64(cfg.Format))
	return nil
}

// try opens a new file, in a goroutine of its own because it may be on a file
// system that hangs. That goroutine is left behind then, and until it has ended
// no other file is tried, so that reloads cannot pile them up.
func (l *Logs) try(path string) error {
	select {
	case l.trying <- struct{}{}:
	default:
		return fmt.Errorf("cannot use log file %q: an earlier reload still waits for its own", path)
	}
	opened := make(chan error, 1)
	go func() {
		_, err := prepare(path)
		<-l.trying
		opened <- err
	}()
	select {
	case err := <-opened:
		return err
	case <-time.After(answerWait):
		return fmt.Errorf("cannot use log file %q: it was not opened within %s", path, answerWait)
	}
}

func (l *Logs) use(cfg config.Logging) {
	_ = l.rotating.use(cfg) // nothing is buffered that a failed close could lose
	l.file.moved(cfg.File)
}

// Close writes what waits and ends the log file. Lines that come later go to
// the journal alone. A log that hangs is left behind, together with the
// goroutine that writes it; Close takes at most twice answerWait.
func (l *Logs) Close() error {
	l.file.close()
	l.console.close()
	written, said := l.flush(true, true)
	if lost := l.file.unwritten(); lost > 0 {
		l.tell(l.toConsole, slog.LevelError, "Log file is closed before it could be written again", slog.Int("lost", lost))
	}
	if lost := l.console.unwritten(); lost > 0 {
		l.tell(l.toFile, slog.LevelError, l.consoleName+" is left before it could be written again", slog.Int("lost", lost))
	}
	closed := make(chan error, 1)
	l.file.do(func() { closed <- l.rotating.use(config.Logging{}) })
	l.flush(written, said)
	select {
	case err := <-closed:
		return err
	default:
		return nil // it is said, and to return it as well would say it twice
	}
}

// flush waits for the file, the console, or both at once, and says which of
// them have written everything.
func (l *Logs) flush(file, console bool) (wroteFile, wroteConsole bool) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWait)
	defer cancel()
	wroteFile = file && l.file.flush(ctx)
	return wroteFile, console && l.console.flush(ctx)
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
	l.toConsole = &flatHandler{level: &l.level, write: func(e entry) { l.console.add(appendLine(nil, e)) }}
}

// journalConsole sends entries in the journal's native protocol.
func (l *Logs) journalConsole(send func([]byte) error) {
	l.consoleName = "Journal"
	l.console.write = send
	l.toConsole = &flatHandler{level: &l.level, write: func(e entry) { l.console.add(journalEntry(e)) }}
}

// tellOfFile says in the console what became of the file.
func (l *Logs) tellOfFile(c change) {
	file := slog.String("file", c.name)
	switch {
	case c.began:
		l.tellLife(l.toConsole, LogFailing, file, slog.Any("error", c.err), slog.Int("lost", c.lost))
	case c.ended:
		back := []slog.Attr{file, slog.Int("lost", c.lost), slog.Duration("took", c.took)}
		l.tellLife(l.toConsole, LogWorking, back...)
		l.tellLife(l.toFile, LogWorking, back...)
	}
}

// tellOfConsole says in the file what became of the journal or stderr.
func (l *Logs) tellOfConsole(c change) {
	switch {
	case c.began:
		l.tell(l.toFile, slog.LevelError, l.consoleName+" cannot be written, will retry", slog.Any("error", c.err), slog.Int("lost", c.lost))
	case c.ended:
		back := []slog.Attr{slog.Int("lost", c.lost), slog.Duration("took", c.took)}
		l.tell(l.toFile, slog.LevelWarn, l.consoleName+" is written again", back...)
		l.tell(l.toConsole, slog.LevelWarn, l.consoleName+" is written again", back...)
	}
}

func (l *Logs) tellLife(to slog.Handler, e LifeEvent, attrs ...slog.Attr) {
	level, text := e.line()
	l.tell(to, level, text, append([]slog.Attr{slog.String(keyEvent, e.String())}, attrs...)...)
}

// tell logs to one handler alone, whatever the level.
func (l *Logs) tell(to slog.Handler, level slog.Level, message string, attrs ...slog.Attr) {
	r := slog.NewRecord(time.Now(), level, message, 0)
	r.AddAttrs(attrs...)
	_ = to.Handle(context.Background(), r) // the handlers here return no error
}
