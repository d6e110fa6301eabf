//go:build bench

package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	memoryIdle = 20e6
	memoryEach = 2e3
	memoryMany = 10_000
	// memoryRest is what the daemon gets to give back what a storm took.
	memoryRest = 30 * time.Second

	causeMemory = "**Why an idle daemon has more resident.** Most of it is the program's file, mapped: the kernel maps sixteen pages where one is touched, " +
		"so that nearly all of the file shows, and takes pages of it back when memory is short, without writing them anywhere. What the daemon has " +
		"for itself is a quarter of it, and does not grow with the processes that it could restart. The 34 MB of a supervisor for 200 " +
		"programs are an interpreter's heap for the most part, which is its own."
)

// memoryOfAlarms measures what the daemon keeps resident when idle, after
// storms, and with many processes in alarm that are left alone.
func (b *bench) memoryOfAlarms(t *testing.T) {
	table := Table{
		Title: "Memory",
		Text: fmt.Sprintf("Resident memory of the daemon %s after the last recovery, and its greatest up to then. The storms are real; the %d processes "+
			"are in alarm and are left alone (`dry_run`).", memoryRest, memoryMany),
		Head: []string{"in alarm", "resident", "of it its own", "of it of the program's file", "greatest"},
	}
	show := func(what string) (resident, own float64) {
		time.Sleep(memoryRest)
		resident, own = b.status(t, "VmRSS"), b.status(t, "RssAnon")
		table.Rows = append(table.Rows, []string{what, Bytes(resident), Bytes(own), Bytes(resident - own), Bytes(b.status(t, "VmHWM"))})
		t.Log(table.Rows[len(table.Rows)-1])
		b.keepProfile(t, "memory-"+what)
		return resident, own
	}
	b.daemon(t, defaults+"dry_run = yes\n")
	idle, own := show("0")
	for _, n := range []int{200, 1000} {
		b.services(t, n)
		b.storms(t, defaults, n)
		show(fmt.Sprint(n))
	}
	b.services(t, 0)
	b.list(t, memoryMany)
	b.daemon(t, strings.Replace(defaults, "100ms", "1s", 1)+"dry_run = yes\n")
	b.raise(t, fmt.Sprintf("process_id <= %d", memoryMany))
	b.Eventually(t, "all are known", limit, func() bool {
		return b.count(t, "SELECT 1") == 1 && b.told(t) >= memoryMany
	})
	many, _ := show(fmt.Sprint(memoryMany))
	b.report.Details = append(b.report.Details, table)
	each := (many - idle) / memoryMany
	b.report.Goals = append(b.report.Goals, Goal{
		What: "memory of an idle daemon", Want: "≤ " + Bytes(memoryIdle), Measured: Bytes(idle), Met: idle <= memoryIdle,
		Why: fmt.Sprintf("no: %s more; %s is its own, the rest is of the program's file, which the kernel takes back when memory is short",
			Bytes(idle-memoryIdle), Bytes(own)),
		Cause: causeMemory,
	}, Goal{
		What: "memory of each known process", Want: "≤ " + Bytes(memoryEach), Measured: Bytes(each), Met: each <= memoryEach,
	})
}

// told counts the processes in alarm that the log says are left alone.
func (b *bench) told(t *testing.T) int {
	t.Helper()
	return int(number(t, b.Shell(t, "cat /var/log/monitor_service*.log | grep -c event=not_acting || true")))
}
