package ownpath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Mkdir makes a directory where it is missing, but as root not where somebody
// else could lead that elsewhere. It does not say that the directory is one's
// own, which is for Check to say.
func Mkdir(dir string, mode fs.FileMode) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if os.Geteuid() == 0 {
		// In a directory such as /tmp a name that is taken is not followed.
		if err := Steps(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, mode); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// MkdirAll is Mkdir for a directory and those above it. Each is looked at once
// more before the next is made in it.
func MkdirAll(dir string, mode fs.FileMode) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := MkdirAll(filepath.Dir(dir), mode); err != nil {
		return err
	}
	return Mkdir(dir, mode)
}
