package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links the kernel follows, path_resolution(7).
const maxLinks = 40

// step is one file, directory or symbolic link on the way to a file.
type step struct {
	path string
	info fs.FileInfo
}

// readFile reads config.ini, and says whether every user of the host may read
// it. It refuses a file that somebody could have written whom the reader has no
// reason to trust, for its commands run as the reader.
func readFile(path string, r reader) (content []byte, readable bool, mistakes Mistakes) {
	fail := func(problem string) ([]byte, bool, Mistakes) {
		return nil, false, Mistakes{{File: path, Problem: problem}}
	}
	steps, err := trail(path)
	if err != nil {
		return fail(fmt.Sprintf("cannot read the file: %v", reason(err)))
	}
	last := steps[len(steps)-1]
	// Without O_NONBLOCK a named pipe would hold us up until somebody
	// writes to it.
	f, err := os.OpenFile(last.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fail(fmt.Sprintf("cannot read the file: %v", reason(err)))
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fail(fmt.Sprintf("cannot read the file: %v", reason(err)))
	case !info.Mode().IsRegular():
		return fail("it is not a regular file")
	case !os.SameFile(info, last.info):
		return fail("the file was replaced while it was read: try again")
	}
	for _, problem := range r.distrusts(steps) {
		mistakes = append(mistakes, Mistake{File: path, Problem: problem})
	}
	if len(mistakes) > 0 {
		return nil, false, mistakes
	}
	content, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fail(fmt.Sprintf("cannot read the file: %v", reason(err)))
	}
	return content, everybodyReads(steps), nil
}

// trail lists everything on the way to a file as the kernel goes it: each
// directory, each symbolic link, and what the links lead to. The last step is
// the file itself.
func trail(path string) ([]step, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	steps, current := []step{}, "/"
	visit := func(path string) (fs.FileInfo, error) {
		info, err := os.Lstat(path)
		if err == nil {
			steps = append(steps, step{path, info})
		}
		return info, err
	}
	if _, err := visit(current); err != nil {
		return nil, err
	}
	links := 0
	for rest := split(path); len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			current = filepath.Dir(current)
			continue
		}
		next := filepath.Join(current, name)
		info, err := visit(next)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			current = next
			continue
		}
		if links++; links > maxLinks {
			return nil, errors.New("too many symbolic links")
		}
		target, err := os.Readlink(next)
		if err != nil {
			return nil, err
		}
		if filepath.IsAbs(target) {
			current = "/"
		}
		rest = append(split(target), rest...)
	}
	if steps[len(steps)-1].path != current { // a link to a directory above
		if _, err := visit(current); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// everybodyReads says whether every user of the host can get at the file's
// content.
func everybodyReads(steps []step) bool {
	for _, s := range steps[:len(steps)-1] {
		if s.info.IsDir() && s.info.Mode()&0o001 == 0 {
			return false
		}
	}
	return steps[len(steps)-1].info.Mode()&0o004 != 0
}
