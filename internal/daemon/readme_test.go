package daemon

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
)

func TestREADMESaysWhatStopsAnAnswer(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), "\n## Troubleshooting\n")
	if !ok {
		t.Fatal("there is no section Troubleshooting")
	}
	part, _, _ = strings.Cut(part, "\n## ")
	part = strings.Join(strings.Fields(part), " ")
	for _, want := range []string{
		fmt.Sprintf("%v: STATUS_PROCESS has more than %d of them", alarmdb.ErrTooManyRows, alarmdb.MaxRows),
		fmt.Sprintf("longer than %d bytes", config.MaxNameLength),
		sayOddText,
	} {
		if !strings.Contains(part, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}
