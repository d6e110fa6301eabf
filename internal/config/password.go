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

// maxPassword bounds a file that holds a password, in bytes.
const maxPassword = 4096

// findPassword takes the password from the systemd credential, else from the
// file of password_file, else from the key password.
func (b *build) findPassword() {
	if b.Database.Driver != DriverMySQL {
		return
	}
	id := originKey(sectionDatabase, "password")
	if b.readCredential(id) {
		return
	}
	if b.passwordFile == "" {
		b.Database.Password = NewSecret(b.password)
		return
	}
	password, readable, err := readSecret(b.passwordFile)
	if err != nil {
		b.mistakeAt(sectionDatabase, "password_file", fmt.Sprintf("cannot read the password from %q: %v", b.passwordFile, err))
		return
	}
	if readable {
		b.warnAt(sectionDatabase, "password_file", fmt.Sprintf("every user of this host can read the password: run chmod o-r %q", b.passwordFile))
	}
	b.uselessPassword("password", "password_file")
	b.Database.Password = NewSecret(password)
	b.origins[id] = Origin{Source: SourceFile, File: b.passwordFile, Section: sectionDatabase}
}

// readCredential says whether systemd has given the daemon a credential, be it
// one that cannot be read.
func (b *build) readCredential(id string) bool {
	directory := lookup(b.environ, credentialsVariable)
	if !filepath.IsAbs(directory) {
		return false
	}
	password, _, err := readSecret(filepath.Join(directory, credentialName))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		b.mistake(Mistake{
			Section: sectionDatabase, Key: "password", Variable: credentialsVariable,
			Problem: fmt.Sprintf("cannot read the password from the credential %q: %v", credentialName, err),
		})
		return true
	}
	for _, key := range []string{"password", "password_file"} {
		b.uselessPassword(key, fmt.Sprintf("the systemd credential %q", credentialName))
	}
	b.Database.Password = NewSecret(password)
	b.origins[id] = Origin{Source: SourceCredential, Section: sectionDatabase}
	return true
}

func (b *build) uselessPassword(key, winner string) {
	if b.given(sectionDatabase, key) {
		b.warnAt(sectionDatabase, key, "has no effect: "+winner+" wins over it")
	}
}

// readSecret reads a file that holds a secret on one line, and says whether
// everybody may read it. The error does not show what is in the file.
func readSecret(path string) (secret string, readable bool, err error) {
	// Without O_NONBLOCK a named pipe would hold us up until somebody
	// writes to it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", false, reason(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", false, reason(err)
	}
	if !info.Mode().IsRegular() {
		return "", false, errors.New("it is not a regular file")
	}
	content, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", false, reason(err)
	}
	if len(content) > maxPassword {
		return "", false, fmt.Errorf("it is larger than %d bytes", maxPassword)
	}
	secret = strings.TrimRight(string(content), "\r\n")
	switch {
	case secret == "":
		return "", false, errors.New("it is empty")
	case strings.ContainsAny(secret, "\r\n"):
		return "", false, errors.New("it has more than one line")
	}
	if err := plain(secret); err != nil {
		return "", false, fmt.Errorf("the password %w", err)
	}
	return secret, info.Mode()&0o004 != 0, nil
}

// reason is an error of a file without the path, which the message around it
// has already.
func reason(err error) error {
	if pathError := new(fs.PathError); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
