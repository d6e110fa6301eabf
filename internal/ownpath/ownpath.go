// Package ownpath tells whether a directory is one's own: whether nobody but
// root could put a symbolic link, a hard link or a file of theirs in the place
// of what root makes, locks, renames and reads there. What is kept in such a
// directory is its users' business. Who is not root can be harmed there by
// nobody but those who own the directory, and is not held up.
package ownpath

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	// othersWrite are the bits that let a group or everybody write.
	othersWrite = 0o022
	// maxLinks is how many symbolic links a path may go through, as in the
	// kernel (path_resolution(7)).
	maxLinks = 40
)

// Check refuses, as root, a directory in which others can write, and one on the
// way to which others could change a step. A directory such as /tmp is none of
// one's own, but may be on the way: what is root's there stays where it is.
func Check(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := Steps(dir); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil && WritableByOthers(info) {
		err = fmt.Errorf("others can write to %q; choose a directory that only root can write to", dir)
	}
	return err
}

// Steps follows a path from the root directory and refuses to go on where
// somebody other than root could change the next step. It lets a directory
// pass where everybody may write and nobody remove what is another's (the
// sticky bit, inode(7)), also as the last step.
func Steps(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	return steps(path, maxLinks)
}

func steps(path string, links int) error {
	if links == 0 {
		return fmt.Errorf("%q goes through too many symbolic links", path)
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := steps(parent, links); err != nil {
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
		if WritableByOthers(info) && info.Mode()&fs.ModeSticky == 0 {
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
	return steps(filepath.Clean(target), links-1)
}

// WritableByOthers says whether others than root may write, by the mode. Root's
// own group counts as root.
func WritableByOthers(info fs.FileInfo) bool {
	others := info.Mode().Perm() & othersWrite
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Gid == 0 {
		others &^= 0o020
	}
	return others != 0
}
