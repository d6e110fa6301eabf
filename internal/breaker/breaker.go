// Package breaker is the circuit breaker that each process has: a table of
// state and event. It decides from what it is told and from the time it is
// given; it has no timer, no goroutine and no lock, and it knows nothing of
// processes, databases or units.
package breaker

import "time"

// State is what the breaker lets through.
type State int

// The states.
const (
	Unknown State = iota
	// Closed lets every recovery through.
	Closed
	// Open lets none through until its reset time is over.
	Open
	// HalfOpen has let one trial through and waits for its end.
	HalfOpen

	numStates
)

func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	case Unknown, numStates:
	}
	return "unknown"
}

// Event is what a breaker is told.
type Event int

// The events.
const (
	_ Event = iota
	// Trial: the reset time is over and one recovery is let through.
	Trial
	// Success: a recovery ended with a verified restart.
	Success
	// Failure: a recovery failed, or a success did not hold, below the
	// limit of failures in a row.
	Failure
	// LastFailure: the failure that reaches the limit.
	LastFailure
	// Abandon: a recovery that was let through ended with no verdict.
	Abandon
	// Reset: an operator closes the breaker.
	Reset

	numEvents
)

// next is the whole breaker. Unknown marks a cell that cannot happen: the
// breaker then stays as it is, see apply.
var next = [numStates][numEvents]State{
	Closed: {
		Success:     Closed,
		Failure:     Closed,
		LastFailure: Open,
		Abandon:     Closed,
		Reset:       Closed,
	},
	Open: {
		Trial:       HalfOpen,
		Success:     Open, // a recovery that began before the breaker opened
		Failure:     Open,
		LastFailure: Open,
		Abandon:     Open,
		Reset:       Closed,
	},
	HalfOpen: {
		Success:     Closed,
		Failure:     Open, // any failure of the trial opens it again
		LastFailure: Open,
		Abandon:     Open,
		Reset:       Closed,
	},
}

// Limits are the settings of a breaker. They may change from call to call, as
// a reload changes them.
type Limits struct {
	// MaxFailures in a row open the breaker; at least 1.
	MaxFailures int
	// ResetTime is how long it stays open before one trial.
	ResetTime time.Duration
	// StableTime is how long a success must hold to count.
	StableTime time.Duration
}

// Breaker is the circuit breaker of one process. The zero value is not ready;
// New makes one. It is not safe for use by several goroutines.
type Breaker struct {
	state    State
	failures int
	openedAt time.Time
	// succeededAt is the time of a success that has not held yet.
	succeededAt time.Time
	lastError   string
	reason      string
}

// New returns a closed breaker.
func New() *Breaker { return &Breaker{state: Closed} }

// Answer is what Ask says.
type Answer struct {
	Allowed bool
	// Trial says that the recovery is the one trial of a half-open breaker.
	Trial bool
	// NextTrial is when a refused recovery may be tried, zero where that
	// depends on a trial under way.
	NextTrial time.Time
}

// Ask says whether a recovery may begin now. An allowed recovery must end
// with Succeeded, Failed or Abandoned.
func (b *Breaker) Ask(now time.Time, l Limits) Answer {
	b.Settle(now, l)
	switch b.state {
	case Closed:
		return Answer{Allowed: true}
	case Open:
		if trial := b.openedAt.Add(l.ResetTime); now.Before(trial) {
			return Answer{NextTrial: trial}
		}
		b.apply(Trial)
		return Answer{Allowed: true, Trial: true}
	case HalfOpen, Unknown, numStates:
	}
	return Answer{}
}

// Force lets one trial through before its time, because an operator asks for
// it. It must end like any other recovery.
func (b *Breaker) Force() { b.apply(Trial) }

// Succeeded tells the breaker of a verified restart. The failures before it
// are forgotten only once it has held for the stable time.
func (b *Breaker) Succeeded(now time.Time) {
	if b.apply(Success); b.state == Closed {
		b.succeededAt = now
	}
}

// Failed tells the breaker of a failed recovery, or of a success that did not
// hold. reason is a word of a fixed vocabulary, text the error.
func (b *Breaker) Failed(now time.Time, l Limits, reason, text string) {
	b.succeededAt = time.Time{}
	b.failures++
	b.reason, b.lastError = reason, text
	event := Failure
	if b.failures >= l.MaxFailures {
		event = LastFailure
	}
	if b.apply(event); b.state == Open {
		b.openedAt = now
	}
}

// Abandoned tells the breaker that a recovery it let through ended without a
// verdict: an open breaker's trial is free again.
func (b *Breaker) Abandoned() { b.apply(Abandon) }

// Reset closes the breaker and forgets its failures.
func (b *Breaker) Reset() {
	b.apply(Reset)
	b.failures, b.succeededAt, b.openedAt = 0, time.Time{}, time.Time{}
	b.reason, b.lastError = "", ""
}

// OnProbation says whether there is a success that is not older than the stable
// time: an alarm that comes back now has not held.
func (b *Breaker) OnProbation(now time.Time, l Limits) bool {
	return !b.succeededAt.IsZero() && now.Sub(b.succeededAt) < l.StableTime
}

// Settle forgets the failures before a success that has held.
func (b *Breaker) Settle(now time.Time, l Limits) {
	if b.succeededAt.IsZero() || b.OnProbation(now, l) {
		return
	}
	b.failures, b.succeededAt = 0, time.Time{}
	b.reason, b.lastError = "", ""
}

// Clean says that the breaker is closed and has nothing to remember.
func (b *Breaker) Clean() bool {
	return b.state == Closed && b.failures == 0 && b.succeededAt.IsZero()
}

func (b *Breaker) apply(e Event) {
	if to := next[b.state][e]; to != Unknown {
		b.state = to
	}
}

// Snapshot is what a breaker shows of itself.
type Snapshot struct {
	State    State
	Failures int
	// OpenedAt and NextTrial are zero while the breaker is closed.
	OpenedAt  time.Time
	NextTrial time.Time
	// Reason is the last failure's word of the fixed vocabulary, and
	// LastError its text.
	Reason    string
	LastError string
}

// State is the breaker's state alone.
func (b *Breaker) State() State { return b.state }

// Snapshot shows the breaker's state.
func (b *Breaker) Snapshot(l Limits) Snapshot {
	s := Snapshot{State: b.state, Failures: b.failures, Reason: b.reason, LastError: b.lastError}
	if b.state != Closed {
		s.OpenedAt, s.NextTrial = b.openedAt, b.openedAt.Add(l.ResetTime)
	}
	return s
}
