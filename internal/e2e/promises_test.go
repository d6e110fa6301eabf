//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

func TestHungHookDoesNotStarveTheWatchdog(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.install(t, baseConfig+"[process.default]\npre_restart_command = touch /srv/begun; sleep 1000\npre_restart_timeout = 1h\n")
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/watchdog.conf", "[Service]\nWatchdogSec=2\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	before := b.Property(t, daemonUnit, "MainPID")
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the hook has begun", host.Limit, func() bool {
		_, err := b.Run(t, "test", "-e", "/srv/begun")
		return err == nil
	})
	b.Must(t, "sleep", "5") // more than two periods of the watchdog
	if got := b.Property(t, daemonUnit, "MainPID"); got != before {
		t.Errorf("the daemon was process %s and is %s", before, got)
	}
}

// TestOnePollBeginsNoMoreThanItsCap counts the restarts in the journal of
// systemd. Eight alarms at three a poll take three polls.
func TestOnePollBeginsNoMoreThanItsCap(t *testing.T) {
	b := newBed(t)
	const limit, alarms, interval = 3, 8, 2 * time.Second
	var instances []string
	for i := range alarms {
		instances = append(instances, fmt.Sprint(i))
	}
	names := map[int]string{}
	for i, worker := range b.workers(t, instances...) {
		names[i] = worker
	}
	b.raiseAlarms(t, names)
	b.start(t, baseConfig[:len(baseConfig)-len("check_interval = 200ms\n\n")]+
		fmt.Sprintf("check_interval = %s\nmax_restarts_per_cycle = %d\n", interval, limit))
	var restarts []time.Time
	for id, worker := range names {
		b.awaitCleared(t, id)
		starts := b.starts(t, worker)
		if len(starts) != 2 {
			t.Errorf("%s was started %d times, want once by the test and once by the daemon", worker, len(starts))
		}
		restarts = append(restarts, starts[len(starts)-1])
	}
	slices.SortFunc(restarts, time.Time.Compare)
	for i := limit; i < len(restarts); i++ {
		// The next poll is an interval later; a restart takes its time.
		if pause := restarts[i].Sub(restarts[i-limit]); pause < interval/2 {
			t.Errorf("restart %d came %s after the one %d before it", i+1, pause, limit)
		}
	}
	if n := len(b.journalSince(t, "MONITOR_EVENT=cap_reached", "PRIORITY=4")); n != 1 {
		t.Errorf("the cap was told %d times, want once as long as it holds", n)
	}
}

func TestAWriteBackThatFailsIsRetriedAndNeverRestartsAgain(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig)
	b.SQL(t, "SET GLOBAL read_only = 1;")
	t.Cleanup(func() { b.SQL(t, "SET GLOBAL read_only = 0;") })
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the write-back fails", host.Limit, func() bool { return b.events(t, worker, "write_back_failed") == 1 })
	b.awaitPolls(t, 5)
	// Nor does a daemon that knows of it only from the one before.
	b.Must(t, "systemctl", "restart", daemonUnit)
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=KILL", daemonUnit)
	b.Eventually(t, "the daemon is back", host.Limit, func() bool {
		return b.Property(t, daemonUnit, "ActiveState") == "active" && b.events(t, worker, "recovery_resumed") >= 1
	})
	b.awaitPolls(t, 5)
	b.SQL(t, "SET GLOBAL read_only = 0;")
	b.awaitCleared(t, 1)
	if n := len(b.starts(t, worker)); n != 2 {
		t.Errorf("the unit was started %d times, want once by the test and once by the daemon", n)
	}
}
