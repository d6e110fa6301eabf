package logging

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"monitor_service/internal/testenv"
)

const message = "Log file cannot be written, will retry"

// refuses says that the file at path is not used, and why it is not.
func refuses(t *testing.T, path, why string) {
	t.Helper()
	l, console := open(t, settings(path))
	l.Logger().Info("One")
	if console.count(t, message) != 1 || console.count(t, "One") != 1 || !strings.Contains(console.String(), why) {
		t.Errorf("want %q in %s", why, console.String())
	}
}

func TestASymbolicLinkIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim := dir + "/victim"
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, dir+"/x.log"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/new", dir+"/y.log"); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir+"/x.log", "not a regular file")
	refuses(t, dir+"/y.log", "not a regular file")
	if read(t, victim) != "untouched" || mode(t, victim) != 0o600 {
		t.Error("the victim is touched")
	}
	if _, err := os.Lstat(dir + "/new"); err == nil {
		t.Error("the link's target is made")
	}
}

func TestASymbolicLinkPlantedLaterIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim := dir + "/victim"
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := dir + "/x.log"
	l, console := open(t, settings(path))
	l.Logger().Info("One")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("Two")
	if read(t, victim) != "untouched" || console.count(t, message) != 1 {
		t.Errorf("%q, %s", read(t, victim), console.String())
	}
}

func TestWhatIsNoOrdinaryFileOfOursIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/victim", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(dir+"/victim", dir+"/hard.log"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/fifo.log", 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir+"/hard.log", "hard links")
	refuses(t, dir+"/fifo.log", "not a regular file")
	refuses(t, dir, "not a regular file")
	refuses(t, dir+"/a/b/x.log", "no such file or directory")
	if os.Geteuid() == 0 {
		refuses(t, "/dev/full", "not a regular file")
	}
}

func TestRootUsesNoFileOfAnotherUser(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	path := t.TempDir() + "/x.log"
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "belongs to user 65534")
}

func TestRootUsesNoDirectoryInWhichOthersCanPlantALink(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	dirWith := func(mode os.FileMode, uid, gid int) string {
		dir := t.TempDir() + "/dir"
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for _, dir := range []string{
		dirWith(0o777, 0, 0), dirWith(0o775, 0, 100), dirWith(0o755, 65534, 0), dirWith(0o775|os.ModeSticky, 0, 100),
	} {
		if err := checkDirectory(dir); err == nil {
			t.Errorf("%q is accepted with mode %v", dir, mode(t, dir))
		}
		below := dir + "/below"
		if err := os.Mkdir(below, 0o755); err != nil {
			t.Fatal(err)
		}
		sticky := mode(t, dir)&os.ModeSticky != 0 // root's entries stay where they are
		if err := checkDirectory(below); (err == nil) != sticky {
			t.Errorf("below %v: %v", mode(t, dir), err)
		}
		link := t.TempDir() + "/link"
		if err := os.Symlink(below, link); err != nil {
			t.Fatal(err)
		}
		if err := checkDirectory(link); (err == nil) != sticky {
			t.Errorf("through a link: %v", err)
		}
	}
	for _, dir := range []string{dirWith(0o755, 0, 0), dirWith(0o775, 0, 0), dirWith(0o750, 0, 100)} {
		if err := checkDirectory(dir); err != nil {
			t.Error(err)
		}
	}
	refuses(t, filepath.Join(dirWith(0o777, 0, 0), "x.log"), "others can write to")

	everybodys := dirWith(0o777|os.ModeSticky, 0, 0)
	protected, _ := os.ReadFile("/proc/sys/fs/protected_symlinks")
	if err := checkDirectory(everybodys); (err == nil) != (string(protected) == "1\n") {
		t.Errorf("like /tmp, with protected_symlinks %q: %v", protected, err)
	}
}

func TestNoDirectoryIsMadeWhereSomebodyElseLeadsTo(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	theirs, elsewhere := t.TempDir()+"/theirs", t.TempDir()
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, theirs+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	refuses(t, theirs+"/link/new/x.log", "does not belong to root")
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
		t.Errorf("%v was made, %v", entries, err)
	}
}
