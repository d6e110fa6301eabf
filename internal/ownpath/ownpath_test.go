package ownpath

import (
	"os"
	"testing"

	"monitor_service/internal/testenv"
)

const nobody = 65534

func directory(t *testing.T, mode os.FileMode, uid, gid int) string {
	t.Helper()
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

func TestOnlyADirectoryOfOnesOwnPasses(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	for _, c := range []struct {
		mode     os.FileMode
		uid, gid int
		own      bool
		// way says whether it may be on the way to one's own.
		way bool
	}{
		{0o755, 0, 0, true, true},
		{0o775, 0, 0, true, true}, // root's own group
		{0o750, 0, 100, true, true},
		{0o777, 0, 0, false, false},
		{0o775, 0, 100, false, false},
		{0o755, nobody, 0, false, false},
		{0o700, nobody, nobody, false, false},
		{0o777 | os.ModeSticky, 0, 0, false, true},
		{0o775 | os.ModeSticky, 0, 100, false, true},
		{0o777 | os.ModeSticky, nobody, 0, false, false},
	} {
		dir := directory(t, c.mode, c.uid, c.gid)
		below, link := dir+"/below", t.TempDir()+"/link"
		if err := os.Mkdir(below, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(below, link); err != nil {
			t.Fatal(err)
		}
		if err := Check(dir); (err == nil) != c.own {
			t.Errorf("%v of %d:%d: %v", c.mode, c.uid, c.gid, err)
		}
		for _, path := range []string{below, link} {
			if err := Check(path); (err == nil) != c.way {
				t.Errorf("%q below %v of %d:%d: %v", path, c.mode, c.uid, c.gid, err)
			}
		}
		if err := Steps(dir); (err == nil) != c.way {
			t.Errorf("steps to %v of %d:%d: %v", c.mode, c.uid, c.gid, err)
		}
	}
}

func TestALinkThatSomebodyElseMadeIsNotFollowed(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	shared := directory(t, 0o777|os.ModeSticky, 0, 0)
	link := shared + "/link"
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := Check(link); err != nil {
		t.Errorf("root's own link: %v", err)
	}
	if err := os.Lchown(link, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := Check(link); err == nil {
		t.Error("somebody's link in a directory such as /tmp is followed")
	}
}

func TestALoopOfLinksEnds(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	dir := t.TempDir()
	if err := os.Symlink(dir+"/b", dir+"/a"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", dir+"/b"); err != nil {
		t.Fatal(err)
	}
	if err := Check(dir + "/a"); err == nil {
		t.Error("accepted")
	}
}

func TestWhatIsNotThereIsAnError(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	if err := Check(t.TempDir() + "/none"); err == nil {
		t.Error("accepted")
	}
}
