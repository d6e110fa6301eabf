//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const (
	startLimit = 0.1 // seconds
	startTimes = 10
	restartOf  = 200 // services
)

// start measures how long the daemon takes from its execution until it says
// that it is ready, by systemd's own clock.
func (b *bench) start(t *testing.T) {
	var took Sample
	for range startTimes {
		b.daemon(t, defaults)
		took = append(took, b.at(t, "ActiveEnterTimestampMonotonic")-b.at(t, "ExecMainStartTimestampMonotonic"))
	}
	b.report.Goals = append(b.report.Goals, Goal{
		What: "start, from its execution to READY=1", Want: "≤ " + Seconds(startLimit),
		Measured: took.Show(Seconds), Met: took.Median() <= startLimit,
	})
}

// at is when something happened to the daemon's unit, in seconds.
func (b *bench) at(t *testing.T, property string) float64 {
	t.Helper()
	return number(t, b.Property(t, daemonUnit, property)) / 1e6
}

// restartUnderLoad restarts the daemon in the middle of a storm. What is raised
// at the stop waits until the next daemon has polled: that is measured, what of
// it is the old daemon's end, and what the whole storm takes longer than one
// that is left alone.
func (b *bench) restartUnderLoad(t *testing.T) {
	const interval = 0.1
	b.services(t, restartOf)
	which := fmt.Sprintf("process_id <= %d", restartOf)
	var without, with, stopping, waited, longer Sample
	for range *runs {
		without = append(without, b.storms(t, defaults, restartOf))

		b.daemon(t, defaults)
		begin := b.raise(t, which)
		b.Eventually(t, "half of the storm is over", limit, func() bool {
			return b.count(t, "SELECT COUNT(*) FROM STATUS_PROCESS WHERE alarma = 1") <= restartOf/2
		})
		b.Must(t, "systemctl", "restart", daemonUnit)
		with = append(with, b.cleared(t, which).Sub(begin).Seconds())
		stop := b.at(t, "ActiveExitTimestampMonotonic")
		stopping = append(stopping, b.at(t, "InactiveEnterTimestampMonotonic")-stop)
		waited = append(waited, b.firstAlarm(t)-stop)
		last := len(with) - 1
		longer = append(longer, with[last]-without[last])
	}
	b.report.Goals = append(b.report.Goals, Goal{
		What: fmt.Sprintf("restart of the daemon in a storm of %d: from its stop to READY=1 and the end of the first poll", restartOf),
		Want: "≤ one poll, " + Seconds(interval), Measured: waited.Show(Seconds), Met: waited.Median() <= interval,
		Why: fmt.Sprintf("no: %s, of which %s is the old daemon's end, whose recoveries watch their unit for `health_check_interval` first",
			Seconds(waited.Median()), Seconds(stopping.Median())),
	})
	b.report.Details = append(b.report.Details, Table{
		Title: "Restart of the daemon under load",
		Text: fmt.Sprintf("A storm of %d, alone and with `systemctl restart monitor_service` in its middle. The recoveries that are under way when "+
			"the daemon is stopped are brought to their end; meanwhile no other is begun. %s", restartOf, textLook),
		Head: []string{"alone", "with the restart", "longer", "from the stop to the first poll", "of it the old daemon's end"},
		Rows: [][]string{{
			without.Show(Seconds), with.Show(Seconds), longer.Show(signed), waited.Show(Seconds), stopping.Show(Seconds),
		}},
	})
	b.services(t, 0)
}

// firstAlarm is when the running daemon found its first alarm, in seconds: it
// says so at the end of the poll.
func (b *bench) firstAlarm(t *testing.T) float64 {
	t.Helper()
	began := b.at(t, "ExecMainStartTimestampMonotonic")
	for line := range strings.Lines(b.Must(t, "journalctl", "--quiet", "--output=json", "--output-fields=MESSAGE", "MONITOR_EVENT=alarm_found")) {
		var entry struct {
			At string `json:"__MONOTONIC_TIMESTAMP"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if at := number(t, entry.At) / 1e6; at > began {
			return at
		}
	}
	t.Fatal("the daemon found no alarm")
	return 0
}

func signed(v float64) string {
	if v < 0 {
		return "−" + Seconds(-v)
	}
	return Seconds(v)
}
