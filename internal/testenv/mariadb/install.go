package mariadb

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"

	"monitor_service/internal/testenv"
)

// packageHint says how the tools come onto a machine.
const packageHint = "install it with `apt-get install mariadb-server-core mariadb-client-core` or `dnf install mariadb-server`"

// tools are the programs that make a server.
type tools struct {
	server  string // mariadbd
	install string // mariadb-install-db
}

// findTools ends the test where a tool is missing: see testenv.Missing.
func findTools(t testing.TB) tools {
	t.Helper()
	// /usr/sbin and /usr/libexec are not on the PATH of an ordinary user.
	find := func(name string) string {
		for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/libexec/" + name} {
			if path, err := exec.LookPath(candidate); err == nil {
				return path
			}
		}
		testenv.Missing(t, "cannot find %q: %s", name, packageHint)
		return ""
	}
	return tools{server: find("mariadbd"), install: find("mariadb-install-db")}
}

// newDataDir makes a fresh data directory at dir. Initialising one takes
// seconds, copying one a fraction of that, so that an initialised one is kept
// in the user's cache directory, one for each version of the server.
func newDataDir(tl tools, dir string) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return tl.initialise(dir) // No home directory: nothing is kept.
	}
	version, err := exec.Command(tl.server, "--no-defaults", "--version").Output()
	if err != nil {
		return fmt.Errorf("cannot ask %q for its version: %w", tl.server, err)
	}
	sum := sha256.Sum256(version)
	template := filepath.Join(cache, "monitor_service-test", "mariadb-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(template); errors.Is(err, fs.ErrNotExist) {
		err = tl.initialiseTemplate(template)
		if err != nil {
			return err
		}
	}
	return os.CopyFS(dir, os.DirFS(template))
}

// initialiseTemplate makes the template aside and puts it in place whole:
// several test binaries may do so at the same time, and any of them may be
// interrupted.
func (tl tools) initialiseTemplate(template string) error {
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(template), "new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(aside) }()
	if err := tl.initialise(filepath.Join(aside, "data")); err != nil {
		return err
	}
	err = os.Rename(filepath.Join(aside, "data"), template)
	if errors.Is(err, fs.ErrExist) {
		return nil // Another test binary was faster.
	}
	return err
}

func (tl tools) initialise(dir string) error {
	scratch, err := os.MkdirTemp(filepath.Dir(dir), "tmp")
	if err != nil {
		return err
	}
	args := append([]string{"--no-defaults"}, storageArgs(scratch)...)
	args = append(args, "--datadir="+dir, "--auth-root-authentication-method=normal", "--skip-test-db")
	out, err := exec.Command(tl.install, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot initialise %q with %q: %w\n%s", dir, tl.install, err, out)
	}
	return nil
}

// storageArgs are the options that a data directory is made and run with. The
// files are small and nothing is made safe against the loss of power; what is
// committed survives the death of the server all the same. A server that starts
// removes what a dead one may have left in the directory for temporary tables,
// which is therefore its own: in /tmp it takes them from the servers of others.
func storageArgs(scratch string) []string {
	args := []string{
		"--tmpdir=" + scratch,
		"--innodb-log-file-size=8M",
		"--innodb-buffer-pool-size=32M",
		"--innodb-flush-log-at-trx-commit=2",
		"--skip-innodb-doublewrite",
	}
	if os.Geteuid() == 0 {
		// The server refuses to run as root unless it is told to, and
		// knows its user by name alone.
		args = append(args, "--user="+rootName())
	}
	return args
}

func rootName() string {
	if u, err := user.LookupId("0"); err == nil {
		return u.Username
	}
	return "root"
}
