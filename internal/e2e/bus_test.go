//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

// What is in alarm while the host has no message bus waits for it, and nothing is
// held against it: its breaker would keep it down for half an hour after the bus
// is back.
func TestABusThatIsAwayOpensNoBreaker(t *testing.T) {
	b := newBed(t)
	workers := b.workers(t, "1", "2", "3")
	b.start(t, baseConfig)
	b.raiseAlarm(t, 1, workers[0])
	b.awaitCleared(t, 1)

	b.Must(t, "systemctl", "stop", "dbus.socket", "dbus.service")
	defer b.Must(t, "systemctl", "start", "dbus.socket", "dbus.service")
	degraded := func() bool {
		return strings.Contains(b.Property(t, daemonUnit, "StatusText"), "Degraded: systemd unreachable since")
	}
	b.Eventually(t, "the status says so", host.Limit, degraded)
	b.raiseAlarms(t, map[int]string{1: workers[0], 2: workers[1], 3: workers[2]})
	b.awaitPolls(t, 15) // five failures each would be enough

	b.Must(t, "systemctl", "start", "dbus.socket", "dbus.service")
	for i, worker := range workers {
		b.awaitCleared(t, i+1)
		for _, event := range []string{"recovery_failed", "breaker_opened"} {
			if n := b.events(t, worker, event); n != 0 {
				t.Errorf("%s: %d × %s", worker, n, event)
			}
		}
	}
	b.Eventually(t, "the status says no more", host.Limit, func() bool { return !degraded() })
	for _, event := range []string{"systemd_lost", "systemd_back"} {
		if n := len(b.journalSince(t, "MONITOR_EVENT="+event)); n != 1 {
			t.Errorf("%d × %s", n, event)
		}
	}
}
