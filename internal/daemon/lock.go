package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"monitor_service/internal/ownpath"
)

// runtimeDirectory is where root's daemon keeps its lock when systemd has not
// named a place (RuntimeDirectory=).
const runtimeDirectory = "/run/monitor_service"

// lockDatabase makes sure that one daemon at a time works on a database: two
// would restart every process twice. The returned function gives it back. The
// kernel does so too when the daemon dies. A user without a runtime directory
// of his own gets no lock.
func lockDatabase(identity string, environ []string) (unlock func() error, err error) {
	none := func() error { return nil }
	dir, err := runDirectory(environ)
	if err != nil || dir == "" {
		return none, err
	}
	if err := ownpath.Check(dir); err != nil {
		return none, fmt.Errorf("cannot make sure that no other daemon works on this database: %w", err)
	}
	sum := sha256.Sum256([]byte(identity))
	path := filepath.Join(dir, "database-"+hex.EncodeToString(sum[:8])+".lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return none, fmt.Errorf("cannot make sure that no other daemon works on this database: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer func() { _ = file.Close() }()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return none, fmt.Errorf("another monitor_service (process %s) works on this database, and two would restart everything twice: stop it first, or use --dry-run", holder(file))
		}
		return none, fmt.Errorf("cannot lock %q: %w", path, err)
	}
	if err := errors.Join(file.Truncate(0), writePID(file)); err != nil {
		return none, errors.Join(fmt.Errorf("cannot write %q: %w", path, err), file.Close())
	}
	return file.Close, nil
}

// runDirectory is where what lasts as long as the daemon may be kept, out of
// reach of other users; empty where this user has no such place.
func runDirectory(environ []string) (string, error) {
	for _, name := range []string{"RUNTIME_DIRECTORY=", "XDG_RUNTIME_DIR="} {
		if os.Geteuid() == 0 && name == "XDG_RUNTIME_DIR=" {
			break
		}
		for _, v := range environ {
			if list, ok := strings.CutPrefix(v, name); ok && list != "" {
				first, _, _ := strings.Cut(list, ":")
				return first, nil
			}
		}
	}
	if os.Geteuid() != 0 {
		return "", nil
	}
	if err := os.MkdirAll(runtimeDirectory, 0o755); err != nil { //nolint:gosec // as systemd makes it
		return "", fmt.Errorf("cannot make a directory for locks: %w", err)
	}
	return runtimeDirectory, nil
}

func writePID(w io.WriterAt) error {
	_, err := w.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

// holder reads who has the lock.
func holder(r io.ReaderAt) string {
	text := make([]byte, 32)
	n, _ := r.ReadAt(text, 0)
	if pid := strings.TrimSpace(string(text[:n])); pid != "" {
		return pid
	}
	return "unknown"
}
