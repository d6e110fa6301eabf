package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// recordPath is examplesSource from here.
const recordPath = "../../" + examplesSource

// shown are the lines of the record that the commands printed.
func shown(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(recordPath)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "```" {
			inside = !inside
		} else if inside && line != "" {
			lines = append(lines, line)
		}
	}
	if inside || len(lines) < 300 {
		t.Fatalf("the record has %d printed lines", len(lines))
	}
	return lines
}

func TestThePageWithExamplesHasTheWholeRecord(t *testing.T) {
	page := pages(t)["monitor_service-examples"]
	for _, want := range []string{".TH ", "Jan 1970", ".SH NAME\nmonitor_service-examples \\- what", ".SH SEE ALSO"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%.1500s", want, page)
		}
	}
	if !strings.Contains(page, `pause demo\-web \-\-for 5;`) {
		t.Error("what is copied from it would have hyphens for minus signs")
	}
	if strings.Contains(page, "generated:") || strings.Contains(page, "```") {
		t.Error("marks that are for tests are left in it")
	}
	printed := readable(page)
	for _, line := range shown(t) {
		if !strings.Contains(printed, "\n"+line+"\n") {
			t.Errorf("the page does not have %q", line)
		}
	}
}

// readable undoes the escapes of groff_char(7) that md2man writes.
func readable(page string) string {
	page = strings.NewReplacer(`\&`, "", `\-`, "-", `\(aq`, "'", `\(dq`, `"`, `\e`, `\`, `\\`, `\`, `\(rs`, `\`).Replace(page)
	return regexp.MustCompile(`\\f.`).ReplaceAllString(page, "")
}

func TestARecordWithoutPartsIsRefused(t *testing.T) {
	for _, text := range []string{"", "no title\n## part\n", "# title\nno parts\n"} {
		if page, err := examples([]byte(text), time.Unix(0, 0)); err == nil {
			t.Errorf("of %q was made\n%s", text, page)
		}
	}
}
