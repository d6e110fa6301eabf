// Package chaos judges how the daemon behaved while faults were injected. Its
// tests boot a host, let alarms come and go, break things in an order drawn
// from a seed, and collect the story from outside: what the hooks and units
// wrote when they ran, systemd's journal and the database. The daemon's own
// word is not asked. What is here without a host is the story's form and the
// invariants that must hold in it, so that each can be seen to fail.
package chaos

import (
	"slices"
	"time"
)

// Kind is what a process of the load is like.
type Kind int

// The kinds of processes.
const (
	_ Kind = iota
	// Good starts and passes its check unless a fault is on.
	Good
	// Sick starts and never passes its check. It has one attempt per
	// recovery.
	Sick
	// Acknowledged has an alarm that an operator has taken over.
	Acknowledged
	// Paused is in alarm, and an operator has told the daemon to leave it
	// alone.
	Paused
	// Flooded is one of many in alarm at once. Whoever raised the alarms
	// takes those that still stand back after a while.
	Flooded
)

// Alarm is one alarm from when it was raised to when it was seen cleared.
type Alarm struct {
	Process string
	// Serial tells this alarm from all others; its notes begin with it.
	Serial int
	// Raised is just before the first statement that was to raise it.
	Raised time.Time
	// Cleared is when it was first seen cleared, zero where it stands.
	Cleared time.Time
	// Again says that it was raised while another one stood, Replaced that
	// another one was raised in its place.
	Again, Replaced bool
	// Notes is the column when the alarm was seen cleared or taken back.
	Notes string
}

// Step is one step of a recovery, as the program that is run for it sees it.
type Step int

// The steps.
const (
	_ Step = iota
	// Pre is a run of pre_restart_command.
	Pre
	// Start is a start of the process.
	Start
	// Check is a run of health_check_command.
	Check
)

func (s Step) String() string {
	return [...]string{"unknown", "pre_restart_command", "start", "health check"}[s]
}

// Span is one run of one step.
type Span struct {
	Process string
	Step    Step
	Begin   time.Time
	// End is zero where the run was cut short. Of one that hung it is when
	// it was last seen to.
	End time.Time
	// OK says that it came to its end and was well.
	OK bool
}

// Death is an end of the daemon's process that was not asked for.
type Death struct {
	At time.Time
	// How is its exit status or signal.
	How string
}

// Fault is one injected fault.
type Fault struct {
	Kind       string
	Begin, End time.Time
	// Deadly is how the fault ends the daemon, once, as systemd says it;
	// empty where it does not.
	Deadly string
	// Blinding faults keep the checks from being run, so that a restart is
	// seen without the check that failed after the one before.
	Blinding bool
}

// Limits are what the configuration promises.
type Limits struct {
	MaxParallel, MaxFailures int
	ResetTime                time.Duration
}

// Story is all that was seen of one run, each list in the order of time.
type Story struct {
	Began  time.Time
	Limits Limits
	Kinds  map[string]Kind
	Alarms []Alarm
	Spans  []Span
	// Started are the starts of each process by systemd's journal.
	Started map[string][]time.Time
	// Lives are the times at which systemd started the daemon.
	Lives  []time.Time
	Deaths []Death
	Faults []Fault
	// Running is how many there are in the end of each process whose alarm
	// was cleared.
	Running map[string]int
}

// of returns the spans of one process that began in [from, to). A zero to is
// the end of the story.
func (s *Story) of(process string, from, to time.Time) []Span {
	var spans []Span
	for _, sp := range s.Spans {
		if sp.Process == process && !sp.Begin.Before(from) && (to.IsZero() || sp.Begin.Before(to)) {
			spans = append(spans, sp)
		}
	}
	return spans
}

// confirm takes back the word of a unit's own program that a start went well
// where systemd does not say so in time: the unit's main process could not be
// started after it, for example. What systemd says is of the last start before.
func (s *Story) confirm() {
	for process, started := range s.Started {
		confirmed := map[int]bool{}
		for _, at := range started {
			if i := s.startBefore(process, at); i >= 0 {
				confirmed[i] = true
			}
		}
		for i, sp := range s.Spans {
			if sp.Process == process && sp.Step == Start && !confirmed[i] {
				s.Spans[i].OK = false
			}
		}
	}
}

// startBefore is the index of the start that systemd tells of at that time, -1
// where nobody wrote of one.
func (s *Story) startBefore(process string, at time.Time) int {
	found := -1
	for i, sp := range s.Spans {
		if sp.Process == process && sp.Step == Start && !sp.End.IsZero() &&
			sp.End.Before(at.Add(slack)) && at.Sub(sp.End) < startPatience {
			found = i
		}
	}
	return found
}

// diedWithin says whether the daemon ended, without being asked to, within a time
// after at.
func (s *Story) diedWithin(at time.Time, within time.Duration) bool {
	return slices.ContainsFunc(s.Deaths, func(d Death) bool {
		return at.Add(-slack).Before(d.At) && d.At.Before(at.Add(within))
	})
}

// during says whether a fault of the kind that is asked for was on.
func (s *Story) during(from, to time.Time, is func(Fault) bool) bool {
	return slices.ContainsFunc(s.Faults, func(f Fault) bool {
		return is(f) && f.Begin.Before(to) && from.Before(f.End)
	})
}
