//go:build bench

package bench

import (
	"fmt"
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

// restartUnderLoad restarts the daemon in the middle of a storm, and measures
// what the storm takes longer than one that is left alone, beyond the time in
// which there is no daemon.
func (b *bench) restartUnderLoad(t *testing.T) {
	const interval = 0.1
	b.services(t, restartOf)
	which := fmt.Sprintf("process_id <= %d", restartOf)
	var without, with, away, longer Sample
	for range *runs {
		without = append(without, b.storms(t, defaults, restartOf))

		b.daemon(t, defaults)
		begin := b.raise(t, which)
		b.Eventually(t, "half of the storm is over", limit, func() bool {
			return b.count(t, "SELECT COUNT(*) FROM STATUS_PROCESS WHERE alarma = 1") <= restartOf/2
		})
		b.Must(t, "systemctl", "restart", daemonUnit)
		with = append(with, b.cleared(t, which).Sub(begin).Seconds())
		away = append(away, b.at(t, "ActiveEnterTimestampMonotonic")-b.at(t, "ActiveExitTimestampMonotonic"))
		last := len(with) - 1
		longer = append(longer, with[last]-without[last]-away[last])
	}
	b.report.Goals = append(b.report.Goals, Goal{
		What: fmt.Sprintf("restart of the daemon in a storm of %d: what the storm takes longer beyond the restart itself", restartOf),
		Want: "≤ one poll, " + Seconds(interval), Measured: longer.Show(signed), Met: longer.Median() <= interval,
	})
	b.report.Details = append(b.report.Details, Table{
		Title: "Restart of the daemon under load",
		Text:  fmt.Sprintf("A storm of %d, alone and with `systemctl restart monitor_service` in its middle.", restartOf),
		Head:  []string{"alone", "with the restart", "from the stop to READY=1", "longer beyond that"},
		Rows:  [][]string{{without.Show(Seconds), with.Show(Seconds), away.Show(Seconds), longer.Show(signed)}},
	})
	b.services(t, 0)
}

func signed(v float64) string {
	if v < 0 {
		return "−" + Seconds(-v)
	}
	return Seconds(v)
}
