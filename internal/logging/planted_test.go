package logging

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monitor_service/internal/testenv"
)

const nobody = 65534

// asNobody runs f on a thread that makes files as another user.
func asNobody(t *testing.T, f func() error) {
	t.Helper()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		if err := unix.Setfsuid(nobody); err != nil {
			failed <- err
			return
		}
		failed <- f()
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// TestARotatedNameThatSomebodyPlantedIsNotFollowed rotates and compresses in a
// directory such as /tmp while somebody has put links at every name that a
// rotated file can get meanwhile.
func TestARotatedNameThatSomebodyPlantedIsNotFollowed(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	dir, victim := t.TempDir()+"/tmp", t.TempDir()+"/victim"
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path := dir + "/x.log"
	if checkDirectory(dir) != nil {
		refuses(t, path, "others can write to") // this kernel protects nobody there
		return
	}
	const planted = time.Second
	begin := time.Now().UTC()
	asNobody(t, func() error {
		for at := begin; at.Before(begin.Add(planted)); at = at.Add(time.Millisecond) {
			name := strings.TrimSuffix(path, ".log") + "-" + at.Format("2006-01-02T15-04-05.000") + ".log"
			for _, link := range []string{name, name + ".gz"} {
				if err := os.Symlink(victim, link); err != nil {
					return err
				}
			}
		}
		return nil
	})
	cfg := settings(path)
	cfg.MaxSize, cfg.FilesToKeep, cfg.Compress = 100, 1_000_000, true
	l, console := open(t, cfg)
	// The names after the planted ones are free, and lumberjack compresses in
	// order: when one of them is compressed, all planted ones were tried.
	compressed := func() bool {
		found, err := filepath.Glob(dir + "/x-*.log.gz")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
		return false
	}
	for deadline := time.Now().Add(time.Minute); !compressed(); {
		l.Logger().Info(strings.Repeat("line ", 20))
		if time.Now().After(deadline) {
			t.Fatalf("nothing was compressed: %s", console.String())
		}
	}
	if read(t, victim) != "untouched" || mode(t, victim) != 0o600 {
		t.Errorf("the victim is %q, mode %v", read(t, victim), mode(t, victim))
	}
	if n := console.count(t, message); n != 0 {
		t.Errorf("the log could not be written: %s", console.String())
	}
}
