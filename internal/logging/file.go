package logging

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"monitor_service/internal/config"
)

// fileSettings are what one lumberjack.Logger is made for.
type fileSettings struct {
	path     string
	keep     int
	compress bool
}

// logFile is the rotating log file. Lumberjack renames, compresses and removes
// the rotated files; when to rotate, and whether the file is safe to write, is
// decided here, because lumberjack counts in megabytes and opens what it finds.
// It is not safe for use by several goroutines.
type logFile struct {
	settings fileSettings
	maxSize  int64
	// info is the file that lumberjack has open, nil where it has none.
	info        os.FileInfo
	lastRotated time.Time

	// loggers has one Logger for each setting that was ever in use: a
	// Logger starts a goroutine that nothing ends, and its settings cannot
	// be changed beside that goroutine.
	loggers map[fileSettings]*lumberjack.Logger
}

func newLogFile() *logFile {
	return &logFile{loggers: map[fileSettings]*lumberjack.Logger{}}
}

// use takes over settings. An empty path ends the file.
func (f *logFile) use(cfg config.Logging) error {
	f.maxSize = cfg.MaxSize
	next := fileSettings{path: cfg.File, keep: cfg.FilesToKeep, compress: cfg.Compress && cfg.FilesToKeep > 0}
	if next == f.settings {
		return nil
	}
	err := f.close()
	f.settings = next
	return err
}

// write appends one line, after a rotation where the line would make the file
// exceed its size. A line longer than a whole file has a file of its own.
func (f *logFile) write(line []byte) error {
	if f.settings.path == "" {
		return nil
	}
	size, err := f.ready()
	if err != nil {
		return err
	}
	if size > 0 && size+int64(len(line)) > f.maxSize {
		if err := f.rotate(); err != nil {
			return err
		}
		if size, err = f.ready(); err != nil {
			return err
		}
	}
	written, err := f.logger().Write(line)
	if err == nil {
		return nil
	}
	err = errors.Join(err, f.close())
	if written > 0 {
		// Half a line would be glued to the next one.
		err = errors.Join(err, os.Truncate(f.settings.path, size))
	}
	return err
}

// ready sees to it that the file which is open is the one at the path, and
// returns its size. Somebody may have moved or removed it, and lines written
// into a file that is gone would be lost without an error.
func (f *logFile) ready() (size int64, err error) {
	if f.info != nil {
		info, err := os.Lstat(f.settings.path)
		if err == nil && os.SameFile(info, f.info) {
			return info.Size(), nil
		}
	}
	if err := f.close(); err != nil {
		return 0, err
	}
	info, err := prepare(f.settings.path)
	if err != nil {
		return 0, err
	}
	if f.settings.keep == 0 {
		if err := removeRotated(f.settings.path); err != nil {
			return 0, err
		}
	}
	f.info = info
	return info.Size(), nil
}

// rotate moves the file out of the way. The next ready makes the new one, so
// that it is as safe as the first, and lumberjack opens it for appending,
// which it does with a file that exists. Where none is to be kept, ready also
// removes this one.
func (f *logFile) rotate() error {
	// Rotated files are named to the millisecond, and the second one of a
	// millisecond would replace the first.
	time.Sleep(time.Until(f.lastRotated.Truncate(time.Millisecond).Add(time.Millisecond)))
	err := f.logger().Rotate()
	f.lastRotated = time.Now()
	return errors.Join(err, f.close())
}

func (f *logFile) close() error {
	f.info = nil
	if logger, ok := f.loggers[f.settings]; ok {
		return logger.Close()
	}
	return nil
}

func (f *logFile) logger() *lumberjack.Logger {
	logger, ok := f.loggers[f.settings]
	if !ok {
		logger = &lumberjack.Logger{
			Filename:   f.settings.path,
			MaxSize:    math.MaxInt32, // megabytes: never by its own count
			MaxBackups: f.settings.keep,
			Compress:   f.settings.compress,
		}
		f.loggers[f.settings] = logger
	}
	return logger
}

// removeRotated removes the rotated files of path, which lumberjack would keep
// for ever when it is told to keep none.
func removeRotated(path string) error {
	const stamp = "2006-01-02T15-04-05.000" // lumberjack's
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	base := filepath.Base(path)
	ext := filepath.Ext(base)
	var errs []error
	for _, entry := range entries {
		rest, isOurs := strings.CutPrefix(entry.Name(), strings.TrimSuffix(base, ext)+"-")
		rest, hasExt := strings.CutSuffix(strings.TrimSuffix(rest, ".gz"), ext)
		if _, err := time.Parse(stamp, rest); err != nil || !isOurs || !hasExt {
			continue
		}
		if err := os.Remove(filepath.Join(filepath.Dir(path), entry.Name())); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
