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

	"monitor_service/internal/ownpath"
)

// maxPassword bounds a file that holds a password or another secret, in bytes.
const maxPassword = 4096

// secretKey is a key whose value may stand in a file of its own or in a systemd
// credential as well.
type secretKey struct {
	section, key string
	// what names the secret in messages, such as "the password".
	what string
	// text is the key's own value, file that of the key with _file at its
	// end; both are empty where they are not set.
	text, file string
	credential string
	// check says what a secret that did not come from the key is not; nil
	// where there is nothing to check.
	check func(string) error
}

// findPassword takes the password of the database.
func (b *build) findPassword() {
	if b.Database.Driver != DriverMySQL {
		return
	}
	b.Database.Password = b.findSecret(secretKey{
		section: sectionDatabase, key: "password", what: "the password",
		text: b.password, file: b.passwordFile, credential: credentialName,
	})
}

// findSecret takes a secret from its systemd credential, else from its file,
// else from its key.
func (b *build) findSecret(k secretKey) Secret {
	if secret, ok := b.readCredential(k); ok {
		return secret
	}
	if k.file == "" {
		return NewSecret(k.text)
	}
	fileKey := k.key + "_file"
	secret, info, err := k.read(k.file)
	if err != nil {
		b.mistakeAt(k.section, fileKey, fmt.Sprintf("cannot read %s from %q: %v", k.what, k.file, err))
		b.refused[originKey(k.section, fileKey)] = true
		return Secret{}
	}
	if info.Mode()&0o004 != 0 {
		b.warnAt(k.section, fileKey, fmt.Sprintf("every user of this host can read %s: run chmod o-r %q", k.what, k.file))
	}
	if ownpath.WritableByOthers(info) {
		b.warnAt(k.section, fileKey, fmt.Sprintf("others can change %s: run chmod go-w %q", k.what, k.file))
	}
	b.uselessSecret(k.section, k.key, fileKey)
	b.origins[originKey(k.section, k.key)] = Origin{Source: SourceFile, File: k.file, Section: k.section}
	return NewSecret(secret)
}

// readCredential says whether systemd has given the daemon the credential, be
// it one that cannot be read.
func (b *build) readCredential(k secretKey) (Secret, bool) {
	directory := lookup(b.environ, credentialsVariable)
	if !filepath.IsAbs(directory) {
		return Secret{}, false
	}
	secret, _, err := k.read(filepath.Join(directory, k.credential))
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, false
	}
	if err != nil {
		b.mistake(Mistake{
			Section: k.section, Key: k.key, Variable: credentialsVariable,
			Problem: fmt.Sprintf("cannot read %s from the credential %q: %v", k.what, k.credential, err),
		})
		b.refused[originKey(k.section, k.key)] = true
		return Secret{}, true
	}
	for _, key := range []string{k.key, k.key + "_file"} {
		b.uselessSecret(k.section, key, fmt.Sprintf("the systemd credential %q", k.credential))
	}
	b.origins[originKey(k.section, k.key)] = Origin{Source: SourceCredential, Credential: k.credential, Section: k.section}
	return NewSecret(secret), true
}

// read reads a file that holds the secret.
func (k secretKey) read(path string) (secret string, info fs.FileInfo, err error) {
	secret, info, err = readSecret(path, k.what)
	if err == nil && k.check != nil {
		if err = k.check(secret); err != nil {
			err = fmt.Errorf("%s %w", k.what, err)
		}
	}
	return secret, info, err
}

func (b *build) uselessSecret(section, key, winner string) {
	if b.given(section, key) {
		b.warnAt(section, key, "has no effect: "+winner+" wins over it")
	}
}

// readSecret reads a file that holds a secret on one line. what names the
// secret. The error does not show what is in the file.
func readSecret(path, what string) (secret string, info fs.FileInfo, err error) {
	// Without O_NONBLOCK a named pipe would hold us up until somebody
	// writes to it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", nil, reason(err)
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err != nil {
		return "", nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return "", nil, errors.New("it is not a regular file")
	}
	content, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", nil, reason(err)
	}
	if len(content) > maxPassword {
		return "", nil, fmt.Errorf("it is larger than %d bytes", maxPassword)
	}
	secret = strings.TrimRight(string(content), "\r\n")
	switch {
	case secret == "":
		return "", nil, errors.New("it is empty")
	case strings.ContainsAny(secret, "\r\n"):
		return "", nil, errors.New("it has more than one line")
	}
	if err := plain(secret); err != nil {
		return "", nil, fmt.Errorf("%s %w", what, err)
	}
	return secret, info, nil
}

// reason is an error of a file without the path, which the message around it
// has already.
func reason(err error) error {
	if pathError := new(fs.PathError); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
