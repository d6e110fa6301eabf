//go:build bench

package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const (
	// pollWindow is how long polls are watched, and pollsWanted how many at
	// least.
	pollWindow  = 4 * time.Second
	pollsWanted = 20
	// growth is the most that the largest table may cost above the smallest:
	// what is within it is the machine's noise.
	growth = 1.5
)

// poll measures what a poll costs in processor time, the daemon's and the
// server's, with tables of several sizes, with and without the index that the
// schema has.
func (b *bench) poll(t *testing.T) {
	table := Table{
		Title: "Poll",
		Text: "Processor time of one poll at `check_interval = 100ms`: the daemon's, and MariaDB's without what it uses when nobody asks. " +
			"The alarms are of processes that are left alone (`dry_run`).",
		Head: []string{"rows", "alarms", "index", "daemon", "MariaDB"},
	}
	counts := numbers(t, *tableRows)
	slices.Sort(counts)
	costs := map[int]Sample{} // of both, with the index, by rows
	for _, n := range counts {
		b.list(t, n)
		b.exec(t, "ANALYZE TABLE STATUS_PROCESS, PROCESE")
		for _, alarms := range []int{0, 10} {
			for _, index := range []bool{true, false} {
				b.index(t, index)
				var daemon, server Sample
				for range *runs {
					d, s := b.pollCost(t, alarms)
					daemon, server = append(daemon, d), append(server, s)
					if index {
						costs[n] = append(costs[n], d+s)
					}
				}
				table.Rows = append(table.Rows, []string{
					fmt.Sprint(n), fmt.Sprint(alarms), map[bool]string{true: "yes", false: "no"}[index],
					daemon.Show(Seconds), server.Show(Seconds),
				})
				t.Log(table.Rows[len(table.Rows)-1])
			}
		}
	}
	b.index(t, true)
	b.report.Details = append(b.report.Details, table)
	least, most := costs[counts[0]].Median(), costs[counts[len(counts)-1]].Median()
	b.report.Goals = append(b.report.Goals, Goal{
		What:     fmt.Sprintf("a poll of %d rows beside one of %d, with the schema's index", counts[len(counts)-1], counts[0]),
		Want:     "does not grow with the table",
		Measured: fmt.Sprintf("%s and %s of processor time, daemon and MariaDB together", Seconds(most), Seconds(least)),
		Met:      most <= growth*least,
	})
}

// index sees to it that the index is there or not.
func (b *bench) index(t *testing.T, there bool) {
	t.Helper()
	b.stopDaemon(t)
	if there {
		b.exec(t, "CREATE INDEX IF NOT EXISTS STATUS_PROCESS_alarm ON STATUS_PROCESS (alarma, sound)")
	} else {
		b.exec(t, "DROP INDEX IF EXISTS STATUS_PROCESS_alarm ON STATUS_PROCESS")
	}
}

// pollCost is the processor time of one poll: the daemon's and the server's, in
// seconds.
func (b *bench) pollCost(t *testing.T, alarms int) (daemon, server float64) {
	t.Helper()
	b.stopDaemon(t)
	idle := b.processor(t, databaseUnit)
	time.Sleep(pollWindow / 2)
	idle = (b.processor(t, databaseUnit) - idle) / (pollWindow / 2).Seconds()

	b.raise(t, fmt.Sprintf("process_id <= %d", alarms))
	b.daemon(t, defaults+"dry_run = yes\n")
	time.Sleep(pollWindow / 4) // the first poll is not like the others
	begin, before, d, s := time.Now(), b.selects(t), b.processor(t, daemonUnit), b.processor(t, databaseUnit)
	polls := 0
	for polls < pollsWanted || time.Since(begin) < pollWindow {
		time.Sleep(pollWindow / 8)
		polls = b.selects(t) - before
	}
	d, s = b.processor(t, daemonUnit)-d, b.processor(t, databaseUnit)-s-idle*time.Since(begin).Seconds()
	return d / float64(polls), s / float64(polls)
}
