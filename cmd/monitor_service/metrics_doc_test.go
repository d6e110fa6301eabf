package main

import (
	"os"
	"strings"
	"testing"

	"monitor_service/internal/metrics"
)

const metricsDoc = "../../deploy/METRICS.md"

// TestTheListOfMetricsIsThatOfTheProgram compares it with what the code gives.
// go test ./cmd/monitor_service -update writes it.
func TestTheListOfMetricsIsThatOfTheProgram(t *testing.T) {
	old, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	m := generated.FindSubmatchIndex(old)
	if m == nil {
		t.Fatal("it has no generated part")
	}
	want := "\n" + strings.TrimSpace(metrics.Markdown()) + "\n\n"
	if string(old[m[6]:m[7]]) == want {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date, run: go test ./cmd/monitor_service -update\nit should be:\n%s", metricsDoc, want)
	}
	text := string(old[:m[6]]) + want + string(old[m[7]:])
	if err := os.WriteFile(metricsDoc, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
