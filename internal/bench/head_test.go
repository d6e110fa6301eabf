//go:build bench

package bench

import (
	"fmt"
	"testing"
)

const (
	headSize  = 199
	headLimit = 1.1
	hangID    = 2_000_000_000
)

// headOfLine measures a storm beside one recovery that hangs: its service takes
// more than a minute to start, and it goes first.
func (b *bench) headOfLine(t *testing.T) {
	b.services(t, headSize)
	b.exec(t, "INSERT INTO PROCESE VALUES (?, 'hang')", hangID)
	b.exec(t, "INSERT INTO STATUS_PROCESS VALUES (?, 0, 0, '')", hangID)
	config := defaults + "[process.hang]\npriority = 1\nmax_attempts = 1\n"
	others := fmt.Sprintf("process_id <= %d", headSize)
	var without, with Sample
	for range *runs {
		without = append(without, b.storms(t, config, headSize))

		b.daemon(t, config)
		begin := b.raise(t, fmt.Sprintf("%s OR process_id = %d", others, hangID))
		with = append(with, b.cleared(t, others).Sub(begin).Seconds())
		if state := b.Property(t, "hang.service", "ActiveState"); state != "activating" {
			t.Fatalf("hang.service is %s: nothing hung beside the others", state)
		}
		b.Shell(t, "systemctl kill --signal=KILL "+daemonUnit+" hang.service; systemctl stop "+daemonUnit+" hang.service; systemctl reset-failed")
	}
	ratio := with.Over(without)
	b.report.Goals = append(b.report.Goals, Goal{
		What: fmt.Sprintf("head of line: %d recoveries beside one that hangs", headSize), Want: "≤ " + Times(headLimit),
		Measured: ratio.Show(Times), Met: ratio.Median() <= headLimit,
	})
	b.report.Details = append(b.report.Details, Table{
		Title: "Head of line",
		Text:  fmt.Sprintf("A storm of %d, alone and beside one service that takes 80 s to start and goes first.", headSize),
		Head:  []string{"alone", "beside one that hangs", "ratio"},
		Rows:  [][]string{{without.Show(Seconds), with.Show(Seconds), ratio.Show(Times)}},
	})
	b.exec(t, "DELETE FROM STATUS_PROCESS WHERE process_id = ?", hangID)
	b.exec(t, "DELETE FROM PROCESE WHERE process_id = ?", hangID)
	b.services(t, 0)
}
