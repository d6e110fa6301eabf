package logging

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"monitor_service/internal/ownpath"
)

const (
	fileMode = 0o640
	dirMode  = 0o755
)

// prepare makes sure that path is a regular file of ours, and nobody else's
// symbolic link, hard link or device, that it has the right mode from its
// first moment on, and that it ends with a whole line. It creates the file,
// and its directory, where they are missing.
func prepare(path string) (os.FileInfo, error) {
	dir := filepath.Dir(path)
	if err := ownpath.Mkdir(dir, dirMode); err != nil {
		return nil, fmt.Errorf("cannot use log file %q: %w", path, err)
	}
	if err := checkDirectory(dir); err != nil {
		return nil, fmt.Errorf("cannot use log file %q: %w", path, err)
	}
	// A device or a pipe must not even be opened.
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot use log file %q: it is not a regular file (%s); remove it, or name the file itself", path, info.Mode().Type())
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, fileMode)
	if err != nil {
		return nil, err
	}
	info, err := prepareOpen(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("cannot use log file %q: %w", path, err)
	}
	return info, nil
}

func prepareOpen(f *os.File) (os.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case stat.Nlink > 1:
		return nil, fmt.Errorf("it has %d names (hard links); remove this one", stat.Nlink)
	case stat.Uid != 0 && int64(stat.Uid) != int64(os.Geteuid()):
		return nil, fmt.Errorf("it belongs to user %d; remove it, or give it to user %d", stat.Uid, os.Geteuid())
	}
	if info.Mode().Perm() != fileMode {
		if err := f.Chmod(fileMode); err != nil {
			return nil, err
		}
	}
	if info.Size() == 0 {
		return info, nil
	}
	// A crash may have left half a line.
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return nil, err
	}
	if last[0] != '\n' {
		if _, err := f.WriteString("\n"); err != nil {
			return nil, err
		}
	}
	return f.Stat()
}

// checkDirectory refuses a directory in which somebody else could put a
// symbolic link in the file's place while root rotates it, as logrotate(8)
// does. What belongs to no root can be harmed by nobody but its owner.
func checkDirectory(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := ownpath.Steps(dir); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || !ownpath.WritableByOthers(info) {
		return err
	}
	// Sticky ones have passed. In those the kernel protects root
	// from links, if everybody can write and it is told to (proc_sys_fs(5)).
	protected, err := os.ReadFile("/proc/sys/fs/protected_symlinks")
	if err != nil || strings.TrimSpace(string(protected)) != "1" || info.Mode()&0o002 == 0 {
		return fmt.Errorf("others can write to its directory %q; choose one that only root can write to", dir)
	}
	return nil
}
