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
		"for itself is a quarter of it, and does not grow with the processes that it could restart. 2.3 MB come of the library for `web_config` " +
		"(exporter-toolkit): it brings html/template, which calls methods by names that are known only when it runs, so that the linker keeps " +
		"the unused ones of the whole program. (Measured once with an empty library in its place: 20.4 MB resident instead of 22.7 MB.)"
	textStorms = "What grows with the storms has its bounds, all of them met after a few thousand recoveries: the history keeps 2000 of them, half a " +
		"kilobyte each, and five events of each go through a queue of 8192 places, 344 bytes a place, whose pages become resident when they are " +
		"first used; the engine keeps less than 800 bytes of each process. The rest is what the storm needed at its peak, which the runtime gives back " +
		"slowly, and in part."
)

// memoryOfAlarms measures what the daemon keeps resident when idle, after
// storms, and with many processes in alarm that are left alone.
func (b *bench) memoryOfAlarms(t *testing.T) {
	table := Table{
		Title: "Memory",
		Text: fmt.Sprintf("Resident memory of the daemon %s after the last recovery, and its greatest up to then. The storms are real; the %d processes "+
			"are in alarm and are left alone (`dry_run`). %s", memoryRest, memoryMany, textStorms),
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
	storms := []int{200, 1000}
	after := make([]float64, len(storms))
	for i, n := range storms {
		b.services(t, n)
		b.storms(t, defaults, n)
		after[i], _ = show(fmt.Sprint(n))
	}
	eachOfStorm := (after[1] - after[0]) / float64(storms[1]-storms[0])
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
		What: fmt.Sprintf("memory of each of %d known processes, in alarm and left alone (`dry_run`)", memoryMany),
		Want: "≤ " + Bytes(memoryEach), Measured: Bytes(each), Met: each <= memoryEach,
	}, Goal{
		What: fmt.Sprintf("memory of each process that was restarted, a storm of %d beside one of %d", storms[1], storms[0]),
		Want: "≤ " + Bytes(memoryEach), Measured: Bytes(eachOfStorm), Met: eachOfStorm <= memoryEach,
		Why: fmt.Sprintf("no: %s more; it does not go on so, see \"Memory\" in deploy/PERFORMANCE.md for its bounds", Bytes(eachOfStorm-memoryEach)),
	})
}

// told counts the processes in alarm that the log says are left alone.
func (b *bench) told(t *testing.T) int {
	t.Helper()
	return int(number(t, b.Shell(t, "cat /var/log/monitor_service*.log | grep -c event=not_acting || true")))
}
