//go:build e2e

package chaos

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

var (
	seedFlag   = flag.Uint64("chaos.seed", 0, "the seed of the faults' order; 0 draws one")
	faultsFlag = flag.Int("chaos.faults", 0, "how many faults to inject; 0 is the short form, each kind once but those that take minutes to prepare")
	kindFlag   = flag.String("chaos.kind", "", "inject only faults whose kind contains this")
)

// roundSize is how many faults lie between two judgements.
const roundSize = 25

func TestEveryFaultIsSurvived(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("the seed is %d: -chaos.seed=%d replays the order of the faults", seed, seed)
	random := rand.New(rand.NewPCG(seed, 0))

	kinds := faults()
	kinds = slices.DeleteFunc(kinds, func(f fault) bool { return !strings.Contains(f.kind, *kindFlag) })
	todo := *faultsFlag
	if todo == 0 {
		kinds = slices.DeleteFunc(kinds, func(f fault) bool { return f.slow })
		todo = len(kinds)
	}
	s := newStage(t, build(t))
	if *faultsFlag > 0 { // With all kinds; later the load would starve the compiler.
		s.clock()
	}
	l, end := s.load(seed)
	defer end()
	count, alarms, worked := map[string]int{}, map[Kind]int{}, 0
	for plan := newPlan(kinds, random); todo > 0 && !t.Failed(); {
		n := min(todo, roundSize)
		todo -= n
		story := s.round(l, plan, n)
		for _, f := range story.Faults {
			count[f.Kind]++
		}
		for _, a := range story.Alarms {
			kind := story.Kinds[a.Process]
			alarms[kind]++
			if kind == Flooded && !a.Cleared.IsZero() {
				worked++
			}
		}
		broken := Judge(story)
		for _, b := range broken {
			t.Error(b)
		}
		if len(broken) > 0 {
			s.tell(story)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%4d × %s", count[kind], kind)
	}
	for _, f := range kinds {
		if want := min(5, *faultsFlag/len(kinds)); count[f.kind] < want && !t.Failed() {
			t.Errorf("%s was injected %d times, want at least %d", f.kind, count[f.kind], want)
		}
	}
	t.Logf("%d alarms were raised, and %d in floods, of which %d were cleared before they were taken back",
		alarms[Good]+alarms[Sick], alarms[Flooded], worked)
	if alarms[Flooded] >= 50_000 && worked == 0 { // the load's own may keep it busy in one or two
		t.Error("no alarm of a flood was worked on")
	}
}

// load starts the daemon and the load, and returns how to end it.
func (s *stage) load(seed uint64) (l *load, end func()) {
	s.t.Helper()
	s.Must(s.t, "systemctl", "start", daemonUnit)
	for name, kind := range s.kinds {
		if kind == Paused {
			s.Must(s.t, programPath, "pause", name, "--reason", "its owner is at it")
			s.sql(fmt.Sprintf("UPDATE STATUS_PROCESS SET alarma = 1, notes = 'paused' WHERE process_id = %d", s.ids[name]))
		}
	}
	l = newLoad(s, rand.New(rand.NewPCG(seed, 1)))
	ctx, cancel := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	running.Go(func() { l.run(ctx) })
	return l, func() {
		cancel()
		running.Wait()
	}
}

// plan draws faults: each kind once alone in an order of its own, then mixed,
// two or three at a time, all kinds equally often.
type plan struct {
	kinds  []fault
	random *rand.Rand
	bag    []fault
	mixed  bool
}

func newPlan(kinds []fault, random *rand.Rand) *plan { return &plan{kinds: kinds, random: random} }

// next returns up to n faults to be injected together.
func (p *plan) next(n int) []fault {
	if len(p.bag) == 0 {
		p.bag = slices.Clone(p.kinds)
		p.random.Shuffle(len(p.bag), func(i, j int) { p.bag[i], p.bag[j] = p.bag[j], p.bag[i] })
	}
	most := 1
	if p.mixed {
		most = 2 + p.random.IntN(2)
	}
	var drawn []fault
	for i := 0; i < len(p.bag) && len(drawn) < min(most, n); {
		if slices.ContainsFunc(drawn, func(f fault) bool { return f.on == p.bag[i].on }) {
			i++
			continue
		}
		drawn = append(drawn, p.bag[i])
		p.bag = slices.Delete(p.bag, i, i+1)
	}
	p.mixed = p.mixed || len(p.bag) == 0
	return drawn
}

// round injects n faults under load, mends everything, waits until all is
// quiet, and returns the story.
func (s *stage) round(l *load, plan *plan, n int) *Story {
	s.t.Helper()
	began := time.Now()
	story := &Story{Began: began, Limits: limits, Kinds: maps.Clone(s.kinds), Lives: []time.Time{began}}
	l.begin(began)
	s.flooded = nil
	l.raising.Store(true)
	for n > 0 {
		together := plan.next(n)
		n -= len(together)
		story.Faults = append(story.Faults, s.strike(together, plan.random)...)
		time.Sleep(time.Duration(100+plan.random.IntN(700)) * ms) // alone for a while
	}
	l.raising.Store(false)
	// What still stands at the end is for the judge.
	for deadline := time.Now().Add(s.patience); l.standing() > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * ms)
	}
	s.EventuallyIs(s.t, "the daemon", host.Limit, "active",
		func() string { return s.Property(s.t, daemonUnit, "ActiveState") })
	time.Sleep(time.Second) // for a restart too many to show
	s.countProcesses(story, l)
	story.Alarms = append(l.ledger(), s.flooded...)
	for _, a := range s.flooded {
		story.Kinds[a.Process] = Flooded
	}
	s.journal(story, began)
	// The sick go on being tried: what the journal has, the units have
	// written by now.
	story.Spans = append(story.Spans, s.evidence(began, time.Now())...)
	slices.SortStableFunc(story.Spans, func(a, b Span) int { return a.Begin.Compare(b.Begin) })
	story.confirm()
	return story
}

// countProcesses adds to a story how many of each process whose alarm was cleared
// there are when all is quiet.
func (s *stage) countProcesses(story *Story, l *load) {
	s.t.Helper()
	story.Running = map[string]int{}
	for _, a := range l.ledger() {
		if _, counted := story.Running[a.Process]; counted || s.kinds[a.Process] != Good || a.Cleared.IsZero() {
			continue
		}
		count := "pgrep -fxc '" + a.Process + " infinity|/srv/chaos/" + a.Process + " infinity' || true"
		if strings.HasPrefix(a.Process, "c@") {
			count = "systemctl show --value -p MainPID " + a.Process + " | grep -cv '^0$' || true"
		}
		out, err := s.Run(s.t, "/bin/bash", "-c", count)
		if err != nil {
			s.t.Errorf("%s: %v", count, err)
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(out))
		if err != nil {
			s.t.Error(err)
		}
		story.Running[a.Process] = n
	}
}

// strike injects faults one after the other and mends them in that order.
func (s *stage) strike(together []fault, random *rand.Rand) []Fault {
	var struck []Fault
	var mends []func()
	hold := time.Duration(0)
	for _, f := range together {
		s.t.Logf("%s %s", time.Now().Format("15:04:05.000"), f.kind)
		struck = append(struck, Fault{Kind: f.kind, Begin: time.Now(), Deadly: f.deadly, Blinding: f.blinding})
		mends = append(mends, f.inject(s, random))
		hold = max(hold, f.duration(random))
	}
	time.Sleep(hold)
	for i, mend := range mends {
		mend()
		struck[i].End = time.Now()
	}
	return struck
}

// tell logs what led to broken invariants.
func (s *stage) tell(story *Story) {
	if crash, err := s.Run(s.t, "sh", "-c", "journalctl --no-pager -o cat -u "+daemonUnit+" | grep -m1 -A40 -E '^(panic|fatal error|runtime|SIG)'"); err == nil {
		s.t.Logf("the daemon's first crash:\n%s", crash)
	}
	for _, b := range Judge(story) {
		for _, sp := range story.Spans {
			if sp.Process == b.Process && sp.Begin.Sub(b.At).Abs() < 10*time.Second {
				s.t.Logf("%s: %s %s to %s ok=%t", sp.Process, sp.Step, sp.Begin.Format("15:04:05.000"), sp.End.Format("15:04:05.000"), sp.OK)
			}
		}
		for _, a := range story.Alarms {
			if a.Process == b.Process && a.Raised.Sub(b.At).Abs() < 20*time.Second {
				s.t.Logf("%s: alarm #%d %s to %s", a.Process, a.Serial, a.Raised.Format("15:04:05.000"), a.Cleared.Format("15:04:05.000"))
			}
		}
		out, _ := s.Run(s.t, "journalctl", "--no-pager", "-u", daemonUnit, "MONITOR_PROCESS="+b.Process,
			"--since=@"+seconds(b.At.Add(-10*time.Second)), "--until=@"+seconds(b.At.Add(10*time.Second)), "-o", "short-precise")
		s.t.Log(out)
	}
}

func seconds(at time.Time) string {
	return strconv.FormatInt(at.Unix(), 10)
}
