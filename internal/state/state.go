// Package state keeps small files in the daemon's state directory: what must
// survive a restart of the daemon and belongs to no database. A file is whole
// or not there, and one that cannot be read is moved aside and said: no file
// here ever keeps the daemon from starting. What the files mean is their
// users' business, but for the pauses, which are here.
package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"monitor_service/internal/ownpath"
)

const (
	// directoryMode and fileMode keep what failed checks printed from
	// everybody's eyes.
	directoryMode = 0o750
	fileMode      = 0o640

	// usualPath is where the unit file's StateDirectory is.
	usualPath = "/var/lib/monitor_service"
	lockName  = "lock"
	// asideSuffix is added to the name of a file that cannot be read.
	asideSuffix = ".damaged"
)

// Path is the state directory: what systemd made for the service, else the
// usual place where root runs the daemon by hand. It is empty where there is
// none.
func Path(environ []string, euid int) string {
	for _, v := range environ {
		// There may be several, with colons between them (systemd.exec(5)).
		if list, ok := strings.CutPrefix(v, "STATE_DIRECTORY="); ok {
			if first, _, _ := strings.Cut(list, ":"); filepath.IsAbs(first) {
				return first
			}
		}
	}
	if euid == 0 {
		return usualPath
	}
	return ""
}

// ErrInUse is wrapped by the error of Open where another process has the
// directory.
var ErrInUse = errors.New("another monitor_service uses it")

// Dir is a state directory that this process alone writes to.
type Dir struct {
	path string
	lock *os.File
}

// Open takes the directory, and makes it where it is missing. Close gives it
// back.
func Open(path string) (*Dir, error) {
	if err := ownpath.MkdirAll(path, directoryMode); err != nil {
		return nil, fmt.Errorf("cannot make the state directory %q: %w", path, reason(err))
	}
	// What is read here decides what is restarted, and what is written here
	// must not be led elsewhere.
	if err := ownpath.Check(path); err != nil {
		return nil, fmt.Errorf("cannot use the state directory %q: %w", path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, fmt.Errorf("cannot use the state directory %q: %w", path, reason(err))
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, fmt.Errorf("cannot use the state directory %q: %w", path, err)
	}
	return &Dir{path: path, lock: lock}, nil
}

// Close lets others have the directory.
func (d *Dir) Close() error { return d.lock.Close() }

// String is the directory's path.
func (d *Dir) String() string { return d.path }

// Read returns a file's content, which is empty where there is no file. A file
// of more than limit bytes is an error.
func (d *Dir) Read(name string, limit int64) ([]byte, error) { return read(d.path, name, limit) }

func read(dir, name string, limit int64) ([]byte, error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", path, reason(err))
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", path, reason(err))
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("cannot read %q: it has more than %d bytes", path, limit)
	}
	return content, nil
}

// Write puts a file in the place of the one that is there, whole or not at
// all, and returns when it is on the disk.
func (d *Dir) Write(name string, content []byte) (err error) {
	path := filepath.Join(d.path, name)
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %q: %w", path, reason(err))
		}
	}()
	// The lock makes one name enough for all that is not finished yet, so
	// that a crash leaves one such file at most.
	unfinished := path + ".new"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	return d.sync()
}

// sync makes a new name in the directory survive a power failure.
func (d *Dir) sync() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Append adds to the end of a file and returns when it is on the disk, and how
// long the file is now.
func (d *Dir) Append(name string, content []byte) (size int64, err error) {
	path := filepath.Join(d.path, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return 0, fmt.Errorf("cannot write %q: %w", path, reason(err))
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if info, serr := f.Stat(); serr == nil {
		size = info.Size()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return size, fmt.Errorf("cannot write %q: %w", path, reason(err))
	}
	return size, nil
}

// Aside gives a file that cannot be read another name, so that somebody can
// look at it, and returns that name. An older one under that name is lost.
func (d *Dir) Aside(name string) (string, error) {
	path := filepath.Join(d.path, name)
	if err := os.Rename(path, path+asideSuffix); err != nil {
		return "", fmt.Errorf("cannot move %q aside: %w", path, reason(err))
	}
	return path + asideSuffix, nil
}

// reason is the part of an error that does not repeat the path.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
