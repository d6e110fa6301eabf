package ownpath

import (
	"os"
	"path/filepath"
	"testing"

	"monitor_service/internal/testenv"
)

func TestMkdirAllMakesWhatIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	file := dir + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(file+"/below", 0o700); err == nil {
		t.Error("a directory below a file")
	}
}

func TestNothingIsMadeWhereSomebodyElseLeadsTo(t *testing.T) {
	testenv.NeedRoot(t, "only it can give files to others")
	theirs, elsewhere := directory(t, 0o755, 0, 0), t.TempDir()
	if err := os.Symlink(elsewhere, theirs+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{theirs + "/new", theirs + "/link/new", theirs + "/link/a/b/c"} {
		if err := MkdirAll(dir, 0o755); err == nil {
			t.Errorf("%q is made", dir)
		}
	}
	for dir, want := range map[string]int{theirs: 1, elsewhere: 0} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != want {
			t.Errorf("there is %v, %v", entries, err)
		}
	}
}
