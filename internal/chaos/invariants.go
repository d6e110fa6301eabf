package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// slack is what two clocks, or two readers of one, may differ by.
const slack = 200 * time.Millisecond

// keepTime is how long the daemon may take to keep that a check has passed. One
// that is killed meanwhile leaves a successor that does not know.
const keepTime = time.Second

// startPatience is how long systemd may take to say that a unit is started
// after the unit's own program has said so: while it reloads 10,000 units it
// says nothing.
const startPatience = 15 * time.Second

// Broken is one invariant that did not hold.
type Broken struct {
	Invariant string
	Process   string
	At        time.Time
	Text      string
}

func (b Broken) String() string {
	return fmt.Sprintf("%s: %s %s: %s", b.Invariant, b.At.Format("15:04:05.000"), b.Process, b.Text)
}

// Judge returns everything in the story that should not be.
func Judge(s *Story) []Broken {
	var all []Broken
	for _, invariant := range []struct {
		name  string
		judge func(*Story, func(process string, at time.Time, format string, args ...any))
	}{
		{"no alarm is lost", lost},
		{"no process is restarted twice for one alarm", twice},
		{"no two recoveries of one process at once", overlap},
		{"never more than max_parallel_restarts", crowd},
		{"no breaker over-run", overrun},
		{"no acknowledged or paused process is touched", touched},
		{"what was recovered runs, once", running},
		{"the daemon is never dead", dead},
		{"the journal tells the same story", agree},
	} {
		invariant.judge(s, func(process string, at time.Time, format string, args ...any) {
			all = append(all, Broken{invariant.name, process, at, fmt.Sprintf(format, args...)})
		})
	}
	return all
}

type report = func(process string, at time.Time, format string, args ...any)

// lost: an alarm of a good process ends cleared, with one note, after a start
// and a check that passed; that of a sick one stands and was acted upon. Of a
// flood those that are cleared are like that of a good process, and the others
// have no note.
func lost(s *Story, broken report) {
	for _, a := range s.Alarms {
		spans := s.of(a.Process, a.Raised, a.Cleared)
		notes := strings.Count(a.Notes, "Restarted at")
		started := slices.ContainsFunc(spans, func(sp Span) bool { return sp.Step == Start })
		checked := slices.ContainsFunc(spans, func(sp Span) bool { return sp.Step == Check && sp.OK })
		switch kind := s.Kinds[a.Process]; {
		case a.Replaced:
			// What the next one asks for is more.
		case kind == Good && a.Cleared.IsZero():
			broken(a.Process, a.Raised, "alarm #%d still stands", a.Serial)
		case kind == Flooded && a.Cleared.IsZero():
			if notes != 0 {
				broken(a.Process, a.Raised, "alarm #%d stands with the notes %q", a.Serial, a.Notes)
			}
		case (kind == Good || kind == Flooded) && (!started || !checked):
			broken(a.Process, a.Raised, "alarm #%d was cleared with no restart (%t) or no passed check (%t)", a.Serial, started, checked)
		case (kind == Good || kind == Flooded) && notes != 1:
			broken(a.Process, a.Raised, "alarm #%d was cleared with the notes %q", a.Serial, a.Notes)
		case kind == Sick && !a.Cleared.IsZero():
			broken(a.Process, a.Raised, "alarm #%d of a sick process was cleared", a.Serial)
		case kind == Sick && !started:
			broken(a.Process, a.Raised, "alarm #%d of a sick process was never acted upon", a.Serial)
		}
	}
}

// twice: between two starts for one alarm a check has failed, or the first
// start did. After a check that passed there is no start, unless the daemon was
// killed before it could know and the check of its successor failed.
func twice(s *Story, broken report) {
	next := map[string]time.Time{}
	for _, a := range slices.Backward(s.Alarms) {
		spans := s.of(a.Process, a.Raised, next[a.Process])
		next[a.Process] = a.Raised
		judgeStarts(s, a, spans, broken)
	}
	for process, raised := range next {
		for _, sp := range s.of(process, time.Time{}, raised) {
			if sp.Step == Start {
				broken(process, sp.Begin, "restarted before any alarm")
			}
		}
	}
}

func judgeStarts(s *Story, a Alarm, spans []Span, broken report) {
	var last *Span // the start before
	passed, failed := false, false
	var passedAt time.Time
	// What is begun when an alarm is raised again goes on: the first start may
	// be for the one before.
	late := a.Again
	for i, sp := range spans {
		switch {
		case sp.Step == Check && sp.OK:
			passed, passedAt = true, sp.End
		case sp.Step == Check:
			failed = true
			passed = passed && !s.diedWithin(passedAt, keepTime)
		case sp.Step == Start && late && (passed || last != nil && last.OK && !failed):
			passed, late = false, false
		case sp.Step == Start && passed:
			broken(a.Process, sp.Begin, "restarted for alarm #%d after a check that had passed", a.Serial)
		case sp.Step == Start && last != nil && last.OK && !failed &&
			!s.during(last.Begin, sp.Begin, func(f Fault) bool { return f.Blinding }):
			broken(a.Process, sp.Begin, "restarted again for alarm #%d with no check in between", a.Serial)
		}
		if sp.Step == Start {
			last, failed = &spans[i], false
		}
	}
}

// overlap: no two steps of one process at the same time.
func overlap(s *Story, broken report) {
	end := map[string]Span{}
	for _, sp := range s.Spans {
		if sp.End.IsZero() {
			continue
		}
		if before, ok := end[sp.Process]; ok && sp.Begin.Before(before.End) {
			broken(sp.Process, sp.Begin, "%s while the %s of %s went on", sp.Step, before.Step, before.Begin.Format("15:04:05.000"))
		}
		if sp.End.After(end[sp.Process].End) {
			end[sp.Process] = sp
		}
	}
}

// crowd: the steps that go on at one time are of at most so many processes.
func crowd(s *Story, broken report) {
	type edge struct {
		at   time.Time
		more int
	}
	var edges []edge
	for _, sp := range s.Spans {
		if !sp.End.IsZero() {
			edges = append(edges, edge{sp.Begin, 1}, edge{sp.End, -1})
		}
	}
	// An end goes before a beginning at the same time.
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.more, b.more)) })
	now := 0
	for _, e := range edges {
		if now += e.more; now > s.Limits.MaxParallel && e.more > 0 {
			broken("", e.at, "%d recoveries at once, at most %d are allowed", now, s.Limits.MaxParallel)
		}
	}
}

// overrun: in one life of the daemon a process that never gets well is started
// at most MaxFailures times, then once per ResetTime.
func overrun(s *Story, broken report) {
	for process, kind := range s.Kinds {
		if kind != Sick {
			continue
		}
		for i, born := range s.Lives {
			var end time.Time
			if i+1 < len(s.Lives) {
				end = s.Lives[i+1]
			}
			var starts []time.Time
			for _, sp := range s.of(process, born, end) {
				if sp.Step == Start {
					starts = append(starts, sp.Begin)
				}
			}
			for n := s.Limits.MaxFailures; n < len(starts); n++ {
				if pause := starts[n].Sub(starts[n-1]); pause < s.Limits.ResetTime-slack {
					broken(process, starts[n], "start %d in one life of the daemon came %s after the one before, circuit_reset_time is %s",
						n+1, pause.Round(time.Millisecond), s.Limits.ResetTime)
				}
			}
		}
	}
}

func touched(s *Story, broken report) {
	for _, sp := range s.Spans {
		if kind := s.Kinds[sp.Process]; kind == Acknowledged || kind == Paused {
			broken(sp.Process, sp.Begin, "%s", sp.Step)
		}
	}
}

// running: a recovered process is there in the end, and no other like it.
func running(s *Story, broken report) {
	for process, n := range s.Running {
		if n != 1 {
			broken(process, s.Began, "in the end %d of it run", n)
		}
	}
}

// dead: the daemon ends only by a fault that ends it, once and in its way.
func dead(s *Story, broken report) {
	deadly := slices.DeleteFunc(slices.Clone(s.Faults), func(f Fault) bool { return f.Deadly == "" })
	for _, d := range s.Deaths {
		cause := slices.IndexFunc(deadly, func(f Fault) bool {
			return strings.Contains(d.How, f.Deadly) && f.Begin.Before(d.At.Add(slack)) && d.At.Add(-slack).Before(f.End)
		})
		if cause < 0 {
			broken("", d.At, "the daemon ended: %s", d.How)
			continue
		}
		deadly = slices.Delete(deadly, cause, cause+1)
	}
}

// agree: systemd says of no start that the unit's own program did not write. A
// start at the very beginning may have been written before it.
func agree(s *Story, broken report) {
	for process, times := range s.Started {
		for _, at := range times {
			if at.Sub(s.Began) < startPatience {
				continue
			}
			if s.startBefore(process, at) < 0 {
				broken(process, at, "the journal has a start that the unit did not write of")
			}
		}
	}
}
