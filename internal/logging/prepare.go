package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	fileMode = 0o640
	dirMode  = 0o755
	// othersWrite are the bits that let a group or everybody write.
	othersWrite = 0o022
	// maxLinks is how many symbolic links a path may go through, as in the
	// kernel (path_resolution(7)).
	maxLinks = 40
)

// prepare makes sure that path is a regular file of ours, and nobody else's
// symbolic link, hard link or device, that it has the right mode from its
// first moment on, and that it ends with a whole line. It creates the file,
// and its directory, where they are missing.
func prepare(path string) (os.FileInfo, error) {
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, statErr := os.Stat(dir); statErr != nil {
			return nil, err
		}
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
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := checkPath(dir, maxLinks); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || !writableByOthers(info) {
		return err
	}
	// checkPath has left sticky ones. In those the kernel protects root
	// from links, if everybody can write and it is told to (proc_sys_fs(5)).
	protected, err := os.ReadFile("/proc/sys/fs/protected_symlinks")
	if err != nil || strings.TrimSpace(string(protected)) != "1" || info.Mode()&0o002 == 0 {
		return fmt.Errorf("others can write to its directory %q; choose one that only root can write to", dir)
	}
	return nil
}

// checkPath follows an absolute path from the root and refuses to go on where
// another user could change the next step.
func checkPath(path string, links int) error {
	if links == 0 {
		return fmt.Errorf("%q goes through too many symbolic links", path)
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := checkPath(parent, links); err != nil {
			return err
		}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 0 {
		return fmt.Errorf("%q does not belong to root; choose a directory that only root can write to", path)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		if writableByOthers(info) && info.Mode()&fs.ModeSticky == 0 {
			return fmt.Errorf("others can write to %q; choose a directory that only root can write to", path)
		}
		return nil
	}
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(target) {
		if parent, err = filepath.EvalSymlinks(parent); err != nil {
			return err
		}
		target = filepath.Join(parent, target)
	}
	return checkPath(filepath.Clean(target), links-1)
}

// writableByOthers counts root's own group as root.
func writableByOthers(info os.FileInfo) bool {
	others := info.Mode().Perm() & othersWrite
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Gid == 0 {
		others &^= 0o020
	}
	return others != 0
}
