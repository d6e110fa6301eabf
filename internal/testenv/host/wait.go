package host

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Limit bounds a wait for something that must happen. It is so generous that
// it says nothing about how long that should take.
const Limit = 60 * time.Second

// pollPeriod is short beside what a look into the machine takes.
const pollPeriod = 50 * time.Millisecond

// Eventually waits until ok is true, and fails the test with the machine's
// state when it is not within the limit.
func (h *Host) Eventually(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	if !poll(limit, ok) {
		t.Fatalf("not within %s: %s\n%s", limit, what, h.Report())
	}
}

// EventuallyIs waits until get returns want. The failure shows what it
// returned last.
func (h *Host) EventuallyIs(t testing.TB, what string, limit time.Duration, want string, get func() string) {
	t.Helper()
	var got string
	if !poll(limit, func() bool { got = get(); return got == want }) {
		t.Fatalf("%s: still %q after %s, want %q\n%s", what, got, limit, want, h.Report())
	}
}

func poll(limit time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pollPeriod)
	}
	return true
}

// Report is the machine's state for somebody who has to find out what went
// wrong: failed units, jobs, the end of the journal and of the console.
func (h *Host) Report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "--- test host %q\n", h.name)
	for _, args := range [][]string{
		{"systemctl", "--failed", "--no-legend", "--plain"},
		{"systemctl", "list-jobs", "--no-legend"},
		{"journalctl", "--no-pager", "--lines=60", "--output=short-precise"},
	} {
		out, err := h.run(context.Background(), nil, args...)
		fmt.Fprintf(&b, "--- %s\n%s", strings.Join(args, " "), out)
		if err != nil {
			fmt.Fprintf(&b, "%v\n", err)
		}
	}
	if h.nspawn != nil {
		fmt.Fprintf(&b, "--- console\n%s", h.nspawn.console)
	}
	return b.String()
}
