package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryDependencyHasAReasonAndItsLicence compares the list for humans with
// go.mod and with what the modules themselves say.
func TestEveryDependencyHasAReasonAndItsLicence(t *testing.T) {
	content, err := os.ReadFile("../../deploy/DEPENDENCIES.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| (\\S+) \\| \\S").FindAllStringSubmatch(string(content), -1) {
		listed[row[1]] = row[2]
	}
	out, err := goCommand("list", "-m", "-json", "all")
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct {
			Path, Dir      string
			Main, Indirect bool
		}
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if m.Main || m.Indirect {
			continue
		}
		if m.Dir == "" { // Nothing that was built here has needed it yet.
			fetched, err := goCommand("mod", "download", "-json", m.Path)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(fetched, &m); err != nil {
				t.Fatal(err)
			}
		}
		licence, _, err := licenceIn(m.Dir)
		switch said, ok := listed[m.Path]; {
		case err != nil:
			t.Errorf("%s: %v", m.Path, err)
		case !ok:
			t.Errorf("%s has no line in deploy/DEPENDENCIES.md", m.Path)
		case said != licence:
			t.Errorf("%s is under %s, and deploy/DEPENDENCIES.md says %s", m.Path, licence, said)
		}
		delete(listed, m.Path)
	}
	for path := range listed {
		t.Errorf("%s is in deploy/DEPENDENCIES.md, and go.mod does not ask for it", path)
	}
}

// TestTheListOfPartsIsThatOfTheProgram looks at this test program, which has
// the parts of the command line.
func TestTheListOfPartsIsThatOfTheProgram(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, again strings.Builder
	for _, w := range []io.Writer{&out, &again} {
		if err := writeSBOM(w, program, source{"v1.2.3", "0123456789ab"}, time.Unix(0, 0).UTC()); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != again.String() {
		t.Error("two lists of one program differ")
	}
	var b bom
	if err := json.Unmarshal([]byte(out.String()), &b); err != nil {
		t.Fatal(err)
	}
	self := b.Metadata.Component
	if self.Version != "v1.2.3" || !slices.Contains(self.Properties, property{"git:commit", "0123456789ab"}) {
		t.Errorf("the list is of %+v", self)
	}
	licences := map[string]string{}
	for _, c := range b.Components {
		licences[c.Name] = c.Licences[0].Licence.ID
	}
	for name, want := range map[string]string{
		"std": "BSD-3-Clause", "github.com/spf13/cobra": "Apache-2.0",
		"github.com/go-sql-driver/mysql": "MPL-2.0", "modernc.org/sqlite": "BSD-3-Clause",
		"modernc.org/libc": "BSD-3-Clause", "modernc.org/mathutil": "BSD-3-Clause", "modernc.org/memory": "BSD-3-Clause",
	} {
		if licences[name] != want {
			t.Errorf("%s has the licence %q, want %s", name, licences[name], want)
		}
	}
}

func TestEveryCommandHasAManualPageOfTheGivenDate(t *testing.T) {
	dir := t.TempDir()
	if err := writeDocs(dir, recordPath, time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"monitor_service", "monitor_service-run", "monitor_service-check-config", "monitor_service-examples"} {
		text, err := os.ReadFile(filepath.Join(dir, "man", "man8", page+".8"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "Feb 2001") {
			t.Errorf("%s is not of the given date:\n%s", page, text)
		}
	}
	for _, file := range []string{"bash-completion/completions/monitor_service", "zsh/site-functions/_monitor_service", "fish/vendor_completions.d/monitor_service.fish"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("no completion %s: %v", file, err)
		}
	}
}

func TestTheRulesOfAPackageGrantNothing(t *testing.T) {
	dir := t.TempDir()
	if err := writeRules(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "polkit-1", "rules.d", "50-monitor_service.rules"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`subject.user !== "monitor_service"`, "var units = [\n    ];", "return polkit.Result.NO;"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the rules do not have %s:\n%s", want, text)
		}
	}
}

func TestThePreinstallScriptMakesTheUserOfTheSysusersFile(t *testing.T) {
	script, err := os.ReadFile("../../deploy/scripts/preinstall.sh")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadFile("../../deploy/sysusers.conf")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(entries)) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(string(script), "\n"+line) {
			t.Errorf("the script does not have the line %q", line)
		}
	}
}
