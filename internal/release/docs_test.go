package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/cli"
)

// pages makes the manual pages and returns them by their names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := writeDocs(dir, recordPath, time.Unix(0, 0).UTC()); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "man", "man8", "*.8"))
	if err != nil || len(paths) < 10 {
		t.Fatal(paths, err)
	}
	made := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		made[strings.TrimSuffix(filepath.Base(path), ".8")] = string(text)
	}
	return made
}

// plain is a page as it is read.
func plain(page string) string {
	return strings.NewReplacer(`\&`, "", `\%`, "", `\-`, "-", `\fB`, "", `\fP`, "", `\e`, `\`).Replace(page)
}

func TestTheMainPageHasWhatThereIsToKnowBesideTheCommands(t *testing.T) {
	made := pages(t)
	main := plain(made["monitor_service"])
	var titles []string
	for _, m := range regexp.MustCompile(`(?m)^\.SH (.*)$`).FindAllStringSubmatch(main, -1) {
		titles = append(titles, m[1])
	}
	// The order of man-pages(7).
	want := []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES", "SEE ALSO"}
	if !slices.Equal(titles, want) {
		t.Errorf("its sections are %q, want %q", titles, want)
	}
	for _, s := range cli.Manual() {
		for _, e := range s.Entries {
			if !strings.Contains(main, ".TP\n"+e.Term+"\n"+e.Text+"\n") {
				t.Errorf("%s: no %q", s.Title, e)
			}
		}
	}
	for _, c := range cli.Tree().Commands() {
		if !strings.Contains(main, "\n"+c.Short+"\n") {
			t.Errorf("no %q", c.Name())
		}
		if page := made["monitor_service-"+c.Name()]; !strings.Contains(page, "\n.SH EXIT STATUS\n") || strings.Contains(page, ".SH FILES") {
			t.Errorf("the page of %q is\n%s", c.Name(), page)
		}
	}
	if !strings.Contains(main, "journalctl(1)") {
		t.Error("it points to no page of others")
	}
}

func TestWhatIsAListInTheHelpIsOneInTheManual(t *testing.T) {
	page := pages(t)["monitor_service-status"]
	if !regexp.MustCompile(`(?m)^ok +no alarm\nsettling +restarted`).MatchString(page) || !strings.Contains(page, ".EX\n") {
		t.Errorf("the states are run together:\n%s", page)
	}
}

func TestNothingInATextIsARequestToGroff(t *testing.T) {
	for text, want := range map[string]string{
		".SH x": `\&.SH x`, "'x": `\&'x`, `a\fB`: `\&a\efB`, "--for": `\&\%\-\-for`, "a b_c": `\&a \%b_c`,
	} {
		if got := escaped(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
