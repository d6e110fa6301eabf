package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestPathIsWhatSystemdMadeOrTheUsualOneForRoot(t *testing.T) {
	for _, c := range []struct {
		environ []string
		euid    int
		want    string
	}{
		{[]string{"STATE_DIRECTORY=/var/lib/x"}, 0, "/var/lib/x"},
		{[]string{"STATE_DIRECTORY=/var/lib/x:/var/lib/y"}, 1000, "/var/lib/x"},
		{[]string{"STATE_DIRECTORY=x"}, 1000, ""},
		{nil, 0, "/var/lib/monitor_service"},
		{nil, 1000, ""},
	} {
		if got := Path(c.environ, c.euid); got != c.want {
			t.Errorf("%v as %d: %q, want %q", c.environ, c.euid, got, c.want)
		}
	}
}

func TestOneDaemonHasTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	d := open(t, dir)
	if _, err := Open(dir); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second one: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestWriteReplacesTheWholeFileOrNothing(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	for _, content := range []string{"a long first content", "short"} {
		if err := d.Write("f", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Read("f", 100); err != nil || string(got) != content {
			t.Errorf("%q, %v", got, err)
		}
	}
	// A crash has left a file half written: it is in nobody's way.
	if err := os.WriteFile(filepath.Join(dir, "f.new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("f", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "f"))
	if err != nil || info.Mode().Perm() != fileMode {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// A directory in its place cannot be replaced: what is there stays.
	if err := os.MkdirAll(filepath.Join(dir, "g", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("g", []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
}

func TestReadRefusesWhatIsTooLongAndKnowsWhatIsMissing(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Write("f", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read("f", 9); err == nil || !strings.Contains(err.Error(), "9 bytes") {
		t.Errorf("error %v", err)
	}
	if got, err := d.Read("missing", 9); err != nil || got != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPausesSurviveARestartUnlessTheirTimeIsOver(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	d := open(t, t.TempDir())
	pauses := map[string]recovery.Pause{
		"":      {Since: now, By: "root", Why: "all"},
		"nginx": {Since: now, Until: now.Add(time.Hour), By: "alice"},
		"old":   {Since: now, Until: now.Add(time.Minute), By: "bob"},
	}
	if err := d.SavePauses(pauses); err != nil {
		t.Fatal(err)
	}
	got, err := d.LoadPauses(now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	delete(pauses, "old")
	if diff := cmp.Diff(pauses, got); diff != "" {
		t.Error(diff)
	}
	if other, err := PausesAt(d.String(), now.Add(2*time.Hour)); err != nil || len(other) != 1 {
		t.Errorf("%v, %v", other, err)
	}
}

func TestPausesThatCannotBeReadAreMovedAside(t *testing.T) {
	for _, content := range []string{"{", `{"version":1,"processes":{"p":7}}`, `{"version":2}`, strings.Repeat("\x00", 4096)} {
		dir := t.TempDir()
		path := filepath.Join(dir, pausesName)
		if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		d := open(t, dir)
		pauses, err := d.LoadPauses(time.Now())
		if err == nil || !strings.Contains(err.Error(), path+asideSuffix) || len(pauses) != 0 {
			t.Errorf("%q: %v, %v", content, pauses, err)
		}
		if aside, err := os.ReadFile(path + asideSuffix); err != nil || string(aside) != content {
			t.Errorf("%q: aside is %q, %v", content, aside, err)
		}
		if pauses, err := d.LoadPauses(time.Now()); err != nil || len(pauses) != 0 {
			t.Errorf("the next start: %v, %v", pauses, err)
		}
	}
}

func TestADirectoryThatOthersCanWriteToIsNotUsed(t *testing.T) {
	testenv.NeedRoot(t, "only it is led elsewhere by others")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, dir + "/not/there"} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "others can write to") {
			t.Errorf("%q: error %v", path, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v was made, %v", entries, err)
	}
}
