// Package history remembers the last recoveries, each with its attempts and
// what its failed checks said. It learns of them from the engine's events
// through a bounded queue, so that nobody who recovers a process waits for a
// disk, and keeps them in a file that survives a restart of the daemon. The
// newest ones are kept, up to a number and a size. Nothing is decided here.
package history

import (
	"time"
	"unicode/utf8"

	"monitor_service/internal/recovery"
)

const (
	// maxText bounds an error's text, in bytes: the last lines of a failed
	// check's output fit into it.
	maxText = 2 << 10
	// maxAttempts bounds the attempts of one recovery that are kept: the
	// last ones.
	maxAttempts = 10
	// maxIDs bounds the rows of one alarm that are kept.
	maxIDs = 16
)

// Outcome is how a recovery ended.
type Outcome string

// The outcomes.
const (
	// Running: it has not ended yet.
	Running     Outcome = "running"
	Succeeded   Outcome = "succeeded"
	Failed      Outcome = "failed"
	Interrupted Outcome = "interrupted"
)

// Recovery is one recovery from its beginning to its verdict. Its JSON form is
// that of the file and of the control API.
type Recovery struct {
	Process string `json:"process"`
	// IDs are the process_ids of the alarm, none where an operator asked
	// for the restart of a process that was in no alarm.
	IDs      []int64   `json:"ids,omitempty"`
	Strategy string    `json:"strategy,omitempty"`
	Unit     string    `json:"unit,omitempty"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"`
	Seconds  float64   `json:"seconds"`
	// By is the operator who asked for it, empty for an alarm.
	By string `json:"by,omitempty"`
	// Trial says that it was the trial of a half-open breaker.
	Trial   bool    `json:"trial,omitempty"`
	Outcome Outcome `json:"outcome"`
	// Reason is a word of the fixed vocabulary, Error the last error.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
	// Attempts are the last ones that were made, of at most MaxAttempts.
	Attempts    []Attempt `json:"attempts"`
	MaxAttempts int       `json:"max_attempts,omitempty"`
	// Afterwards is the last event that followed: alarm_cleared,
	// write_back_superseded, write_back_failed, write_back_refused,
	// flapped, not_cleared or breaker_opened.
	Afterwards string `json:"afterwards,omitempty"`

	// Resumed says that a daemon before this one began it. It is of use
	// only while the recovery has not ended.
	Resumed bool `json:"-"`
}

// Attempt is one restart with its health check.
type Attempt struct {
	Number int       `json:"number"`
	Ended  time.Time `json:"ended"`
	// Seconds is how long it took, RestartSeconds the restart alone.
	Seconds        float64 `json:"seconds"`
	RestartSeconds float64 `json:"restart_seconds,omitempty"`
	Succeeded      bool    `json:"succeeded"`
	Reason         string  `json:"reason,omitempty"`
	Error          string  `json:"error,omitempty"`
}

// begin makes the recovery that an event is the first of.
func begin(ev recovery.Event, began time.Time) *Recovery {
	r := &Recovery{
		Process: ev.Process, Began: began, Outcome: Running, Trial: ev.Trial, By: ev.By.Name,
		MaxAttempts: ev.Attempts, Attempts: []Attempt{},
	}
	r.target(ev)
	return r
}

// onlyWaits says whether nothing is known to be done about a recovery that was
// taken over: where a predecessor has verified it, only its alarm is left, which
// may take its owner for ever to clear, and nothing tells the end of that.
func (r *Recovery) onlyWaits() bool { return r.Resumed && len(r.Attempts) == 0 }

func (r *Recovery) target(ev recovery.Event) {
	r.IDs = append([]int64(nil), ev.IDs[:min(len(ev.IDs), maxIDs)]...)
	if ev.Target.Strategy != 0 {
		r.Strategy, r.Unit = ev.Target.Strategy.String(), ev.Target.Unit
	}
}

// restarted notes that the restart of an attempt is done.
func (r *Recovery) restarted(ev recovery.Event) {
	r.add(Attempt{Number: ev.Attempt, Ended: ev.At, Seconds: ev.Took.Seconds(), RestartSeconds: ev.Took.Seconds()})
}

// attempted notes the end of an attempt, whose restart may have been noted.
func (r *Recovery) attempted(ev recovery.Event) {
	n := len(r.Attempts)
	if n == 0 || r.Attempts[n-1].Number != ev.Attempt {
		r.add(Attempt{Number: ev.Attempt})
		n = len(r.Attempts)
	}
	a := &r.Attempts[n-1]
	a.Ended = ev.At
	a.Succeeded = ev.Kind == recovery.HealthPassed
	if a.Succeeded {
		a.Seconds = a.RestartSeconds + ev.Took.Seconds()
	} else {
		a.Seconds = ev.Took.Seconds()
		a.Reason, a.Error = words(ev)
	}
}

func (r *Recovery) add(a Attempt) {
	if len(r.Attempts) == maxAttempts {
		r.Attempts = append(r.Attempts[:0], r.Attempts[1:]...)
	}
	r.Attempts = append(r.Attempts, a)
}

// end notes the verdict.
func (r *Recovery) end(ev recovery.Event, o Outcome) {
	r.target(ev)
	r.Ended, r.Seconds, r.Outcome = ev.At, ev.Took.Seconds(), o
	r.Reason, r.Error = words(ev)
	if ev.Attempts > 0 {
		r.MaxAttempts = ev.Attempts
	}
}

// clone is a copy that later events do not change.
func (r *Recovery) clone() Recovery {
	c := *r
	c.Attempts = append([]Attempt{}, r.Attempts...)
	return c
}

// size is that of what can be long in it, in bytes. It does not change once the
// recovery has ended.
func (r *Recovery) size() int {
	const rest = 256
	n := rest + len(r.Process) + len(r.Error)
	for _, a := range r.Attempts {
		n += rest + len(a.Error)
	}
	return n
}

func words(ev recovery.Event) (reason, text string) {
	if ev.Reason != recovery.ReasonNone {
		reason = ev.Reason.String()
	}
	if ev.Err != nil {
		text = cut(ev.Err.Error())
	}
	return reason, text
}

// cut bounds a text and leaves its characters whole.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
