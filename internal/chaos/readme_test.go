//go:build e2e

package chaos

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"monitor_service/internal/logging"
)

// TestTheREADMESaysWhatHappensAtEachFault compares the rows of the README's
// table with the faults that there are, and what a row says that the log has
// with the messages that there are.
func TestTheREADMESaysWhatHappensAtEachFault(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(readme), "\n## What happens when…\n")
	if !ok {
		t.Fatal("there is no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^*|-][^|]*) \| (.*) \| (.*) \| (.*) \|$`).FindAllStringSubmatch(section, -1) {
		if rows[row[1]] != nil {
			t.Errorf("there are two rows for %q", row[1])
		}
		rows[row[1]] = row[2:]
	}
	delete(rows, "fault")
	for _, f := range faults() {
		row := rows[f.kind]
		if row == nil || slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) == "" }) {
			t.Errorf("there is no whole row for %q: %q", f.kind, row)
		}
		delete(rows, f.kind)
	}
	for name := range rows {
		t.Errorf("there is a row for %q, and no such fault", name)
	}
	checkMessages(t, section)
}

// checkMessages looks for each sentence that begins with a capital letter and
// says what the log says of an event.
func checkMessages(t *testing.T, section string) {
	t.Helper()
	events := logging.Messages()
	told := 0
	for _, quoted := range regexp.MustCompile("`([A-Z][a-z]+ [^`]*)`").FindAllStringSubmatch(section, -1) {
		text, _, _ := strings.Cut(quoted[1], " …")
		switch {
		case slices.ContainsFunc(events, func(m logging.Message) bool { return strings.HasPrefix(m.Text, text) }):
			told++
		case slices.Contains([]string{ // what is no event of a recovery
			"Log file cannot be written, will retry", "Log file is written again", "Configuration reloaded",
			"Configuration not reloaded, the old one stays", "Mistake in the configuration", "History of recoveries",
			"Main process exited, code=killed", "Access denied",
		}, text):
		default:
			t.Errorf("the log does not say %q", text)
		}
	}
	if told < 12 {
		t.Errorf("only %d messages were looked for", told)
	}
}
