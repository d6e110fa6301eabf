//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

// events counts the daemon's journal entries of one event about a process.
func (b *bed) events(t *testing.T, process, event string) int {
	t.Helper()
	return len(b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_PROCESS="+process, "MONITOR_EVENT="+event))
}

// starts lists when systemd began to start a unit since the test began, by the
// journal of PID 1.
func (b *bed) starts(t *testing.T, unit string) []time.Time {
	t.Helper()
	const unitStarted = "39f53479d3a045ac8e11786248231fbf" // SD_MESSAGE_UNIT_STARTED of sd-messages.h
	var times []time.Time
	for _, e := range b.journalSince(t, "_PID=1", "UNIT="+unit+".service", "MESSAGE_ID="+unitStarted) {
		us, err := strconv.ParseInt(fmt.Sprint(e["__REALTIME_TIMESTAMP"]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, time.UnixMicro(us))
	}
	return times
}

// awaitPolls waits until the daemon has polled n more times, by the database's
// own count of statements.
func (b *bed) awaitPolls(t *testing.T, n int) {
	t.Helper()
	count := func() int {
		out := b.SQL(t, "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'COM_SELECT';")
		v, err := strconv.Atoi(out)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	// Each look is a SELECT itself.
	begin, looks := count(), 0
	b.Eventually(t, fmt.Sprintf("%d more polls", n), host.Limit, func() bool {
		looks++
		return count()-begin-looks >= n
	})
}
