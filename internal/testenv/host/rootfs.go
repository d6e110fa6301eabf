package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// CacheVariable names the directory in which the root file system is
	// kept between runs; without it that is the user's cache directory.
	CacheVariable = "MONITOR_TEST_CACHE"

	// suite is Debian 12, whose systemd 252 is also that of RHEL 9.
	suite = "bookworm"
	// buildLimit is far above the 35 seconds that it takes to make a root
	// file system.
	buildLimit = 10 * time.Minute
	// partial begins the name of a root file system that is not whole yet.
	partial = "partial-"
)

// recipe is what mmdebstrap is told. A change of it is a new root file system.
func recipe() []string {
	packages := []string{
		"usr-is-merged", "systemd", "systemd-sysv", "dbus", "polkitd",
		"procps", "mariadb-server", "curl", "tzdata", "rpm",
	}
	return []string{
		// The machine has no need of apt, and of no recommended package.
		"--variant=essential",
		"--include=" + strings.Join(packages, ","),
		// A /usr that is merged from the start saves the conversion and
		// the Perl modules that do it.
		"--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
		// What a power failure leaves behind is made anew.
		"--dpkgopt=force-unsafe-io",
		`--aptopt=Acquire::Languages "none"`,
		// Before MariaDB's own set-up: its 96 MB of redo log would be copied
		// into memory at each boot.
		`--essential-hook=mkdir -p "$1/etc/mysql/conf.d"`,
		`--essential-hook=printf '[mariadbd]\ninnodb_log_file_size=8M\ninnodb_buffer_pool_size=32M\n' >"$1/etc/mysql/conf.d/small.cnf"`,
		// A local time that is not UTC at any season shows where the two
		// are mixed up.
		`--customize-hook=ln -sf ../usr/share/zoneinfo/Europe/Bucharest "$1/etc/localtime"`,
		// It has no name but the one that it is booted under.
		`--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"`,
		// The machine's own housekeeping changes nothing under a test.
		`--customize-hook=rm -f "$1"/etc/systemd/system/timers.target.wants/*`,
		suite,
	}
}

// RootFS returns the directory of the test host's root file system, and makes
// it where the cache does not have it. Test programs that run at the same time
// make it once.
func RootFS(t testing.TB) string {
	t.Helper()
	Require(t)
	dir, err := rootFSDir()
	if err != nil {
		t.Fatal(err)
	}
	if !whole(dir) {
		require(t, needs("mmdebstrap", "mmdebstrap"))
		t.Logf("making the test host's root file system in %s; this takes about a minute", dir)
	}
	if dir, err = makeRootFS(context.Background()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func rootFSDir() (string, error) {
	cache := os.Getenv(CacheVariable)
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache directory, set %s: %w", CacheVariable, err)
		}
		cache = filepath.Join(user, "monitor_service")
	}
	sum := sha256.Sum256([]byte(strings.Join(recipe(), "\x00")))
	return filepath.Abs(filepath.Join(cache, "rootfs-"+suite+"-"+hex.EncodeToString(sum[:6])))
}

func makeRootFS(ctx context.Context) (string, error) {
	dir, err := rootFSDir()
	if err != nil {
		return "", err
	}
	return dir, makeOnce(ctx, dir, bootstrap)
}

// makeOnce makes dir unless it is there. It is made beside its place and
// renamed, so that it is there as a whole or not at all, and under a lock, so
// that nobody makes it twice.
func makeOnce(ctx context.Context, dir string, build func(ctx context.Context, dir string) error) error {
	if whole(dir) {
		return nil
	}
	cache := filepath.Dir(dir)
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // the machine's users pass through it
		return err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if whole(dir) {
		return nil // made by another program while this one waited
	}
	// Under the lock whatever is not whole was left by a program that died.
	leftovers, err := filepath.Glob(filepath.Join(cache, partial+"*"))
	if err != nil {
		return err
	}
	for _, left := range leftovers {
		if err := os.RemoveAll(left); err != nil {
			return err
		}
	}
	temporary := filepath.Join(cache, partial+filepath.Base(dir))
	if err := build(ctx, temporary); err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	return os.Rename(temporary, dir)
}

func whole(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// lock waits for the file's lock. It is free again at the latest when the
// program that holds it is gone, and that one works under a time limit.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR { //nolint:errorlint // a bare errno
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot lock %q: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

func bootstrap(ctx context.Context, dir string) error {
	if err := needs("mmdebstrap", "mmdebstrap"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mmdebstrap", append(recipe(), dir)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true,
		// What it mounts below dir is never seen here: to remove dir is safe
		// however it ended.
		Unshareflags: unix.CLONE_NEWNS,
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killLimit
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap cannot make the root file system: %w\n%s", err, tail(out, 4096))
	}
	return nil
}

// tail returns the last n bytes.
func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
