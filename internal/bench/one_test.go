//go:build bench

package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	oneLimit = 5e-3 // seconds
	oneTimes = 20

	causeOne = "**What one alarm waits for.** Six answers, one after the other: the poll's and the second look's at the alarm from the database, the unit's " +
		"state from systemd, the job's number, and two that systemd asks of the message bus about who asked. Each is two or four switches " +
		"of a processor from one process to another, which take their time where others use the processors. The connection to the database is open; where check_interval is " +
		"30 s or more it is closed between two polls, and to open it comes before all this."
)

// one measures a single alarm on an idle host: from its commit to the moment
// when systemd takes the running service down, which is right after the restart
// job was queued. The poll's own wait is left out: the daemon is asked to poll
// as soon as the alarm is committed. No unit was looked at before. The connection
// to the database is open.
func (b *bench) one(t *testing.T) {
	b.services(t, oneTimes)
	b.daemon(t, strings.Replace(defaults, "check_interval = 100ms", "check_interval = 1h", 1))
	pid := b.pid(t)
	var took Sample
	for i := range oneTimes {
		unit := fmt.Sprintf("w@%d.service", i+1)
		which := fmt.Sprintf("process_id = %d", i+1)
		committed := b.raise(t, which)
		if err := unix.Kill(pid, unix.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		begin := monotonic(t) - time.Since(committed).Seconds()
		b.cleared(t, which)
		left := number(t, b.Property(t, unit, "ActiveExitTimestampMonotonic")) / 1e6
		took = append(took, left-begin)
	}
	b.report.Goals = append(b.report.Goals, Goal{
		What: "one alarm on an idle host, from its commit to the restart job, the connection to the database being open", Want: "≤ " + Seconds(oneLimit),
		Measured: took.Show(Seconds), Met: took.Median() <= oneLimit,
		Why:   fmt.Sprintf("no: %s more", Seconds(took.Median()-oneLimit)),
		Cause: causeOne,
	})
	b.keepProfile(t, "one")
	b.services(t, 0)
}

// monotonic is the kernel's clock that systemd dates its units' changes with,
// in seconds.
func monotonic(t *testing.T) float64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return float64(now.Nano()) / 1e9
}
