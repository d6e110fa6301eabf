//go:build e2e && chaos

package chaos

import (
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

// sabotage takes one mechanism out of the program.
type sabotage struct {
	mechanism string
	// file of the program, and what is replaced in it.
	file, old, with string
	// faults are injected until the invariant is broken.
	faults    []string
	invariant string
}

// sabotages has every mechanism that an invariant hangs on.
var sabotages = []sabotage{
	{
		"a half-open breaker lets a trial through", "internal/breaker/breaker.go",
		"		if trial := b.openedAt.Add(l.ResetTime); now.Before(trial) {\n", "		if trial := b.openedAt.Add(l.ResetTime); true {\n",
		[]string{"hooks exit by signal", "restart jobs that never end"},
		"no alarm is lost",
	},
	{
		"a write-back that failed is owed", "internal/recovery/writeback.go",
		"		w.owed = append(w.owed, o)\n", "		e.conclude(p, time.Now())\n		return false\n",
		[]string{"database read-only"},
		"no process is restarted twice for one alarm",
	},
	{
		"a successor goes on with what was begun", "internal/daemon/daemon.go",
		"	d.engine.HandOver(dir, left)\n", "	d.engine.HandOver(dir, left[:0])\n",
		[]string{"daemon killed in a recovery"},
		"no process is restarted twice for one alarm",
	},
	{
		"a restart whose end was not seen is looked for", "internal/restart/runs.go",
		"	return o.Unsure && u", "	return false && o.Unsure && u",
		[]string{"bus killed", "bus restarted"},
		"no process is restarted twice for one alarm",
	},
	{
		"a recovery that runs is not begun again", "internal/recovery/cycle.go",
		"	case running:\n		return ReasonRunning, refused\n", "	case running:\n",
		[]string{"hooks read stdin"},
		"no two recoveries of one process at once",
	},
	{
		"recoveries wait for a free place", "internal/recovery/places.go",
		"return e.places.taken < e.cfg.Monitor.MaxParallelRestarts", "return e.places.taken < 100",
		[]string{"database restarted"},
		"never more than max_parallel_restarts",
	},
	{
		"failures open the breaker", "internal/breaker/breaker.go",
		"		LastFailure: Open,\n", "		LastFailure: Closed,\n",
		[]string{"daemon-reload"},
		"no breaker over-run",
	},
	{
		"a reload keeps the breakers", "internal/recovery/engine.go",
		"		p.said = ReasonNone\n	}\n	e.dispatch()", "		p.breaker.Reset()\n	}\n	e.dispatch()",
		[]string{"SIGHUP storm", "config.ini half written"},
		"no breaker over-run",
	},
	{
		"acknowledged rows are not read", "internal/alarmdb/alarmdb.go",
		"s.alarma = 1 AND (s.sound IS NULL OR s.sound <> 1)", "s.alarma = 1",
		[]string{"daemon-reload"},
		"no acknowledged or paused process is touched",
	},
	{
		"pauses survive a restart of the daemon", "internal/daemon/daemon.go",
		"	d.recall()\n", "",
		[]string{"daemon killed in a recovery"},
		"no acknowledged or paused process is touched",
	},
	{
		"an alarm that was raised again is not cleared", "internal/alarmdb/clear.go",
		"AND %s = CASE s.process_id%s END`", "AND (%s = CASE s.process_id%s END OR TRUE)`",
		[]string{"daemon-reload"},
		"no alarm is lost",
	},
	{
		"a poll that fails ends nothing", "internal/daemon/loop.go",
		"		return d.outage.failed(", "		panic(r.err)\n		return d.outage.failed(",
		[]string{"database stopped"},
		"the daemon is never dead",
	},
}

// TestEachInvariantFailsWithoutItsMechanism sees each invariant break in a
// program without the mechanism that keeps it. It takes minutes and has a tag
// of its own: make chaos runs it.
func TestEachInvariantFailsWithoutItsMechanism(t *testing.T) {
	host.Require(t)
	for _, c := range sabotages {
		t.Run(strings.ReplaceAll(c.mechanism, " ", "_"), func(t *testing.T) {
			text, err := os.ReadFile(inTree(t, c.file))
			if err != nil {
				t.Fatal(err)
			}
			without := strings.Replace(string(text), c.old, c.with, 1)
			if without == string(text) {
				t.Fatalf("%s does not have %q: the mechanism is elsewhere now", c.file, c.old)
			}
			s := newStage(t, build(t, "-overlay", overlay(t, map[string]string{inTree(t, c.file): without})))
			s.patience = 15 * time.Second
			// The sick fail faster, so that a round is enough for a breaker.
			s.Put(t, configPath, strings.ReplaceAll(configuration, "health_check_timeout = 2\n", "health_check_timeout = 300ms\n"), 0o640)
			l, end := s.load(1)
			defer end()
			kinds := slices.DeleteFunc(faults(), func(f fault) bool { return !slices.Contains(c.faults, f.kind) })
			plan := newPlan(kinds, rand.New(rand.NewPCG(1, 0)))
			for range 5 {
				broken := map[string]int{}
				for _, b := range Judge(s.round(l, plan, 4)) {
					broken[b.Invariant]++
				}
				t.Log("broken: ", slices.Sorted(maps.Keys(broken)), broken[c.invariant])
				if broken[c.invariant] > 0 {
					return
				}
			}
			t.Errorf("%q was never broken", c.invariant)
		})
	}
}
