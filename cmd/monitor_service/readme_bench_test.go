package main

import (
	"os"
	"testing"

	"monitor_service/internal/bench"
)

// performance is what the last make bench has measured, in short.
func performance(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../deploy/PERFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	return bench.Summary(string(page))
}
