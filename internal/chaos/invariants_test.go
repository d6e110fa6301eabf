package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

func span(process string, step Step, from, to float64, ok bool) Span {
	return Span{Process: process, Step: step, Begin: at(from), End: at(to), OK: ok}
}

// good is a recovery of a good process that begins at that second.
func good(process string, from float64) []Span {
	return []Span{
		span(process, Pre, from, from+.1, true),
		span(process, Start, from+.2, from+.3, true),
		span(process, Check, from+.4, from+.5, true),
	}
}

// calm is a story in which nothing is wrong.
func calm() *Story {
	s := &Story{
		Began:   at(-100),
		Limits:  Limits{MaxParallel: 2, MaxFailures: 3, ResetTime: 10 * time.Second},
		Kinds:   map[string]Kind{"a": Good, "b": Good, "sick": Sick, "mine": Acknowledged, "paused": Paused, "f": Flooded, "g": Flooded},
		Started: map[string][]time.Time{"a": {at(1.3)}, "b": {at(1.3)}},
		Lives:   []time.Time{at(0)},
		Alarms: []Alarm{
			{Process: "a", Serial: 1, Raised: at(1), Cleared: at(2), Notes: "#1; - Restarted at …"},
			{Process: "b", Serial: 2, Raised: at(1), Cleared: at(2), Notes: "#2; - Restarted at …"},
			{Process: "sick", Serial: 3, Raised: at(3)},
			{Process: "f", Serial: 4, Raised: at(7), Cleared: at(9), Notes: "flood - Restarted at …"},
			{Process: "g", Serial: 5, Raised: at(7), Notes: "flood"},
		},
		Faults: []Fault{{Kind: "killed", Begin: at(30), End: at(31), Deadly: "status=9/KILL"}, {Kind: "blind", Begin: at(40), End: at(41), Blinding: true}},
	}
	s.Spans = slices.Concat(good("a", 1), good("b", 1), good("f", 8))
	for _, begin := range []float64{4, 5, 6, 16.5, 27} {
		s.Spans = append(s.Spans, span("sick", Start, begin, begin+.1, true), span("sick", Check, begin+.2, begin+.3, false))
	}
	slices.SortFunc(s.Spans, func(x, y Span) int { return x.Begin.Compare(y.Begin) })
	return s
}

func (s *Story) add(spans ...Span) {
	s.Spans = append(s.Spans, spans...)
	slices.SortFunc(s.Spans, func(x, y Span) int { return x.Begin.Compare(y.Begin) })
}

// again has the alarm of a raised a second time, and cleared at 2.9.
func (s *Story) again(when float64) {
	s.Alarms[0].Replaced, s.Alarms[0].Cleared = true, time.Time{}
	s.Alarms = append(s.Alarms, Alarm{
		Process: "a", Serial: 6, Raised: at(when), Cleared: at(2.9), Again: true, Notes: "#6; - Restarted at …",
	})
}

// checkedAnew has the daemon killed at that time, the check of a repeated without
// success, and a restarted again.
func (s *Story) checkedAnew(died float64) {
	s.Faults = append(s.Faults, Fault{Kind: "killed", Begin: at(died - .1), End: at(died + .1), Deadly: "status=9/KILL"})
	s.Deaths = append(s.Deaths, Death{at(died), "code=killed, status=9/KILL"})
	s.add(span("a", Check, 1.7, 1.75, false), span("a", Start, 1.8, 1.85, true), span("a", Check, 1.9, 1.95, true))
	s.Started["a"] = append(s.Started["a"], at(1.9))
}

// indexOfPass finds the first check of a that passed.
func indexOfPass(s *Story) int {
	return slices.IndexFunc(s.Spans, func(sp Span) bool { return sp.Process == "a" && sp.Step == Check && sp.OK })
}

func TestACalmStoryBreaksNothing(t *testing.T) {
	for _, b := range Judge(calm()) {
		t.Error(b)
	}
}

func TestEachInvariantIsSeenToBreak(t *testing.T) {
	const (
		lost, twice = "no alarm is lost", "no process is restarted twice for one alarm"
		overlap     = "no two recoveries of one process at once"
		crowd       = "never more than max_parallel_restarts"
		overrun     = "no breaker over-run"
		touched     = "no acknowledged or paused process is touched"
		once        = "what was recovered runs, once"
		dead        = "the daemon is never dead"
		agree       = "the journal tells the same story"
	)
	for name, c := range map[string]struct {
		change func(s *Story)
		want   []string
	}{
		"an alarm that stands":                 {func(s *Story) { s.Alarms[0].Cleared = time.Time{} }, []string{lost}},
		"cleared with no restart":              {func(s *Story) { s.Alarms[0].Cleared = at(1.1) }, []string{lost}},
		"cleared without a passed check":       {func(s *Story) { s.Alarms[0].Cleared = at(1.35) }, []string{lost}},
		"cleared with no note":                 {func(s *Story) { s.Alarms[0].Notes = "#1;" }, []string{lost}},
		"cleared with two notes":               {func(s *Story) { s.Alarms[0].Notes += s.Alarms[0].Notes }, []string{lost}},
		"flooded, and cleared with no restart": {func(s *Story) { s.Alarms[3].Cleared = at(8.1) }, []string{lost}},
		"flooded, and cleared with no note":    {func(s *Story) { s.Alarms[3].Notes = "flood" }, []string{lost}},
		"flooded, and noted but not cleared":   {func(s *Story) { s.Alarms[4].Notes += " - Restarted at …" }, []string{lost}},
		"flooded, and restarted twice":         {func(s *Story) { s.add(span("f", Start, 8.6, 8.7, true)) }, []string{twice}},
		"raised again while it is recovered":   {func(s *Story) { s.again(1.25) }, []string{lost}},
		"raised again, and recovered again": {func(s *Story) {
			s.again(1.35)
			s.add(good("a", 2)...)
			s.Started["a"] = append(s.Started["a"], at(2.3))
		}, nil},
		"raised again, and recovered by a successor": {func(s *Story) {
			s.again(1.15)
			s.Spans = slices.DeleteFunc(s.Spans, func(sp Span) bool { return sp.Process == "a" && sp.Step == Check })
			s.add(good("a", 2)...)
			s.Started["a"] = append(s.Started["a"], at(2.3))
		}, nil},
		"raised again, and recovered by a successor after a start that failed": {func(s *Story) {
			s.again(1.15)
			s.add(span("a", Start, 1.16, 1.17, false))
			s.add(good("a", 2)...)
			s.Started["a"] = append(s.Started["a"], at(2.3))
		}, nil},
		"raised again, and recovered again after a check that failed at first": {func(s *Story) {
			s.again(1.35)
			s.add(span("a", Check, 1.36, 1.38, false))
			s.add(good("a", 2)...)
			s.Started["a"] = append(s.Started["a"], at(2.3))
		}, nil},
		"raised again, and cleared by the recovery before": {func(s *Story) { s.again(1.35) }, []string{lost}},
		"raised again, and recovered three times": {func(s *Story) {
			s.again(1.15)
			s.add(append(good("a", 2), span("a", Start, 2.6, 2.7, true))...)
			s.Started["a"] = append(s.Started["a"], at(2.3), at(2.7))
		}, []string{twice}},
		"a sick one cleared":    {func(s *Story) { s.Alarms[2].Cleared = at(8) }, []string{lost}},
		"a sick one left alone": {func(s *Story) { s.Alarms[2].Raised = at(28) }, []string{lost, twice, twice, twice, twice, twice}},
		"restarted after a check passed": {func(s *Story) {
			s.add(span("a", Start, 1.8, 1.9, true))
			s.Started["a"] = append(s.Started["a"], at(1.9))
		}, []string{twice}},
		"restarted by a successor that did not know of the check that passed, and saw one fail": {func(s *Story) { s.checkedAnew(1.6) }, nil},
		"the same when there was time to keep it":                                               {func(s *Story) { s.checkedAnew(1.6); s.Spans[indexOfPass(s)].End = at(.5) }, []string{twice}},
		"the same with nobody killed":                                                           {func(s *Story) { s.checkedAnew(1.6); s.Deaths = nil }, []string{twice}},
		"restarted after it was cleared": {func(s *Story) {
			s.add(span("a", Start, 8, 8.1, true))
			s.Started["a"] = append(s.Started["a"], at(8.1))
		}, []string{twice}},
		"restarted with no check between":  {func(s *Story) { s.add(span("sick", Start, 40, 40.1, true), span("sick", Start, 50.5, 50.6, true)) }, nil},
		"the same with no fault to excuse": {func(s *Story) { s.add(span("sick", Start, 50, 50.1, true), span("sick", Start, 60.5, 60.6, true)) }, []string{twice}},
		"restarted after a failed start":   {func(s *Story) { s.add(span("sick", Start, 50, 50.1, false), span("sick", Start, 60.5, 60.6, true)) }, nil},
		"restarted before any alarm":       {func(s *Story) { s.add(span("b", Start, .1, .2, true)); s.Started["b"] = append(s.Started["b"], at(.2)) }, []string{twice}},
		"two recoveries at once":           {func(s *Story) { s.add(span("sick", Pre, 4.05, 4.15, true)) }, []string{overlap}},
		"three at once":                    {func(s *Story) { s.add(span("c", Pre, 1.05, 1.08, true)) }, []string{crowd}},
		"one more before it opens":         {func(s *Story) { s.add(span("sick", Start, 7, 7.1, true), span("sick", Check, 7.2, 7.3, false)) }, []string{overrun, overrun}},
		"two trials":                       {func(s *Story) { s.add(span("sick", Start, 20, 20.1, true), span("sick", Check, 20.2, 20.3, false)) }, []string{overrun, overrun}},
		"as many in the next life": {func(s *Story) {
			s.Lives = append(s.Lives, at(30.5))
			for _, begin := range []float64{32, 33, 34} {
				s.add(span("sick", Start, begin, begin+.1, true), span("sick", Check, begin+.2, begin+.3, false))
			}
		}, nil},
		"an acknowledged one restarted": {func(s *Story) { s.add(span("mine", Start, 50, 50.1, true)) }, []string{touched}},
		"a paused one restarted":        {func(s *Story) { s.add(span("paused", Start, 50, 50.1, true)) }, []string{touched}},
		"an acknowledged one checked":   {func(s *Story) { s.add(span("mine", Check, 50, 50.1, true)) }, []string{touched}},
		"dead in the end":               {func(s *Story) { s.Running = map[string]int{"a": 1, "b": 0} }, []string{once}},
		"twice in the end":              {func(s *Story) { s.Running = map[string]int{"a": 1, "b": 2} }, []string{once}},
		"the daemon ends":               {func(s *Story) { s.Deaths = []Death{{at(20), "code=exited, status=2"}} }, []string{dead}},
		"the daemon is killed":          {func(s *Story) { s.Deaths = []Death{{at(30.5), "code=killed, status=9/KILL"}} }, nil},
		"it is killed, and ends again": {func(s *Story) {
			s.Deaths = []Death{{at(30.5), "code=killed, status=9/KILL"}, {at(30.6), "code=killed, status=9/KILL"}}
		}, []string{dead}},
		"it ends when it is to be killed": {func(s *Story) { s.Deaths = []Death{{at(30.5), "code=exited, status=2"}} }, []string{dead}},
		"a start that nobody wrote of":    {func(s *Story) { s.Started["a"] = append(s.Started["a"], at(20)) }, []string{agree}},
	} {
		s := calm()
		c.change(s)
		var got []string
		for _, b := range Judge(s) {
			got = append(got, b.Invariant)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: broken are %q, want %q", name, got, c.want)
			for _, b := range Judge(s) {
				t.Log(fmt.Sprint("  ", b))
			}
		}
	}
}

func TestAStartIsOneOnlyWhereSystemdSaysSo(t *testing.T) {
	s := calm()
	// Of the first of these two systemd says nothing.
	s.add(span("a", Start, 5, 5.1, true), span("a", Start, 6, 6.1, true))
	s.Started["a"] = append(s.Started["a"], at(6.2))
	s.confirm()
	var ok []bool
	for _, sp := range s.Spans {
		if sp.Process == "a" && sp.Step == Start {
			ok = append(ok, sp.OK)
		}
	}
	if !slices.Equal(ok, []bool{true, false, true}) {
		t.Errorf("the starts went well: %v, want all but the second", ok)
	}
}
