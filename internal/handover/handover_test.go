package handover

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv"
)

func begun(process string) recovery.Begun {
	return recovery.Begun{
		Process: process, Rows: []recovery.Row{{ID: 1, Process: process, Mark: "4:1"}},
		At: time.Now().Round(0), Before: []string{"run"}, Restarted: true,
	}
}

func open(t *testing.T, state string) *Dir {
	t.Helper()
	d, err := Open(state)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func left(t *testing.T, d *Dir) []recovery.Begun {
	t.Helper()
	all, err := d.Left()
	if err != nil {
		t.Error(err)
	}
	return all
}

func TestWhatIsKeptIsLeftToASuccessor(t *testing.T) {
	state := t.TempDir()
	d := open(t, state)
	// A name may be anything that a database can hold.
	names := []string{"nginx", "../../etc/passwd", "", strings.Repeat("é", 255), "a/b", "x\n\x00"}
	want := map[string]recovery.Begun{}
	for _, name := range names {
		b := begun(name)
		want[name] = b
		if err := d.Keep(recovery.Begun{Process: name}); err != nil { // replaced by the next
			t.Fatal(err)
		}
		if err := d.Keep(b); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]recovery.Begun{}
	for _, b := range left(t, open(t, state)) {
		got[b.Process] = b
	}
	// Two clocks are read, one after the other.
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(time.Minute)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	for _, name := range names {
		for range 2 { // what is not there is dropped as well
			if err := d.Drop(name); err != nil {
				t.Error(err)
			}
		}
	}
	if n := len(left(t, d)); n != 0 {
		t.Errorf("%d are left after all were dropped", n)
	}
}

func TestABrokenFileIsToldAndKeepsNoneOfTheOthersBack(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Keep(begun("nginx")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0.json", "half.json.new"} {
		if err := os.WriteFile(filepath.Join(d.path, name), []byte(`{"Process": "hal`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := d.Left()
	if len(all) != 1 || all[0].Process != "nginx" {
		t.Errorf("left is %v", all)
	}
	if err == nil || !strings.Contains(err.Error(), "0.json") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if n := len(left(t, d)); n != 1 {
		t.Errorf("%d are left at the second look", n)
	}
}

func TestNobodyElseMayReadOrWriteIt(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Keep(begun("nginx")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{d.path: 0o700, d.file("nginx"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("the mode of %s is %o, want %o", path, got, want)
		}
	}
}

func TestAClockThatWasSteppedMakesNothingOlderOrYounger(t *testing.T) {
	d := open(t, t.TempDir())
	b := begun("nginx")
	b.At = time.Now().Add(-10 * time.Minute)
	if err := d.Keep(b); err != nil {
		t.Fatal(err)
	}
	// The predecessor's clock was a day ahead.
	text, err := os.ReadFile(d.file("nginx"))
	if err != nil {
		t.Fatal(err)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	r.At = r.At.Add(24 * time.Hour)
	if text, err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.file("nginx"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	all := left(t, d)
	if len(all) != 1 {
		t.Fatalf("left is %v", all)
	}
	if age := time.Since(all[0].At); age < 10*time.Minute || age > 11*time.Minute {
		t.Errorf("it is %s old, want 10 minutes", age)
	}
}

func TestWhatIsLeftOfAnotherBootIsForgotten(t *testing.T) {
	d := open(t, t.TempDir())
	d.boot = "another one"
	if err := d.Keep(begun("nginx")); err != nil {
		t.Fatal(err)
	}
	d = open(t, filepath.Dir(d.path))
	if all := left(t, d); len(all) != 0 {
		t.Errorf("left is %v", all)
	}
}

func TestALineThatIsCutShortLeavesTheOneBeforeIt(t *testing.T) {
	d := open(t, t.TempDir())
	restarted, verified := begun("nginx"), begun("nginx")
	verified.Verified = true
	for _, b := range []recovery.Begun{{Process: "nginx", Before: restarted.Before}, restarted, verified} {
		if err := d.Keep(b); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(d.file("nginx"))
	if err != nil {
		t.Fatal(err)
	}
	// The daemon was killed in the middle of the last write, or the disk was full.
	if err := os.Truncate(d.file("nginx"), int64(len(text)-2)); err != nil {
		t.Fatal(err)
	}
	if all := left(t, d); len(all) != 1 || !all[0].Restarted || all[0].Verified {
		t.Errorf("left is %+v, want what was kept before", all)
	}
	if err := d.Keep(verified); err != nil {
		t.Fatal(err)
	}
	if all := left(t, d); len(all) != 1 || !all[0].Verified {
		t.Errorf("left is %+v, want what was kept after it", all)
	}
}

func TestAnotherAttemptBeginsTheFileAnew(t *testing.T) {
	d := open(t, t.TempDir())
	size := func() int64 {
		info, err := os.Stat(d.file("nginx"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	first := int64(0)
	for range 100 {
		if err := d.Keep(recovery.Begun{Process: "nginx"}); err != nil {
			t.Fatal(err)
		}
		if first == 0 {
			first = size()
		}
		if err := d.Keep(begun("nginx")); err != nil {
			t.Fatal(err)
		}
	}
	if size() > 3*first {
		t.Errorf("the file has %d bytes after 100 attempts, and had %d at the first", size(), first)
	}
}

func TestALinkInThePlaceOfAFileIsNotFollowed(t *testing.T) {
	d := open(t, t.TempDir())
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, d.file("nginx")); err != nil {
		t.Fatal(err)
	}
	if err := d.Keep(recovery.Begun{Process: "nginx"}); err == nil {
		t.Error("kept through a link")
	}
	if text, _ := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the file behind the link is %q now", text)
	}
}

func TestADirectoryThatWasRemovedIsMadeAgain(t *testing.T) {
	state := t.TempDir()
	d := open(t, state)
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if err := d.Keep(begun("nginx")); err != nil {
		t.Fatal(err)
	}
	if all := left(t, d); len(all) != 1 {
		t.Errorf("%d are left", len(all))
	}
}

func TestNothingIsMadeWhereOthersCanWrite(t *testing.T) {
	testenv.NeedRoot(t, "only it is led elsewhere by others")
	state := t.TempDir()
	d := open(t, state)
	if err := os.Remove(d.path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(state, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(state); err == nil {
		t.Error("the directory is used")
	}
	if err := d.Keep(begun("nginx")); err == nil {
		t.Error("a recovery is kept there")
	}
	if entries, err := os.ReadDir(state); err != nil || len(entries) > 0 {
		t.Errorf("%v was made, %v", entries, err)
	}
}
