package recovery

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"monitor_service/internal/breaker"
)

// everything is the name under which a pause of all processes is kept. No
// process has it: an alarm without a name is never acted upon.
const everything = ""

// Pause keeps the engine's hands off a process, or off all of them.
type Pause struct {
	// Since and Until are wall-clock times, since a pause survives the
	// daemon. A zero Until is until an operator resumes.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// By is who asked for it, Why what for.
	By  string `json:"by"`
	Why string `json:"why,omitempty"`
}

// Over says whether the time of the pause is over.
func (p Pause) Over(now time.Time) bool { return !p.Until.IsZero() && !now.Before(p.Until) }

// Text says of a process that it is paused, by whom, until when and what for.
func (p Pause) Text() string {
	text := "it is paused by " + p.By
	if !p.Until.IsZero() {
		text += " until " + p.Until.Local().Format(time.DateTime)
	}
	if p.Why != "" {
		text += " (" + p.Why + ")"
	}
	return text
}

// Pause leaves a process alone until Resume, or until its time is over. The
// empty name pauses all. A recovery under way goes on.
func (e *Engine) Pause(name string, p Pause) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pauses[name] = p
	for _, q := range e.processes {
		if q.stage == queued && !q.manual && !q.recheck && (name == everything || q.name == name) {
			q.breaker.Abandoned()
			e.settle(q, time.Now())
			q.said = ReasonNone
		}
	}
	e.dropSettled()
}

// Resume ends a pause and says whether there was one. The empty name ends the
// pause of all, and only that one.
func (e *Engine) Resume(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.pauses[name]
	delete(e.pauses, name)
	return ok
}

// Pauses returns the pauses in force, by process name; the empty name is the
// pause of all.
func (e *Engine) Pauses() map[string]Pause {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(e.pauses, func(_ string, p Pause) bool { return p.Over(now) })
	return maps.Clone(e.pauses)
}

func (e *Engine) paused(name string, now time.Time) bool {
	_, paused := e.pauseOf(name, now)
	return paused
}

// pauseOf is the pause that holds for a process: its own, or that of all.
func (e *Engine) pauseOf(name string, now time.Time) (Pause, bool) {
	for _, n := range []string{everything, name} {
		if p, ok := e.pauses[n]; ok && !p.Over(now) {
			return p, true
		}
	}
	return Pause{}, false
}

// Reset closes the breaker of a process and forgets its failures. It says
// whether there was anything to forget.
func (e *Engine) Reset(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, ok := e.processes[name]
	return ok && e.reset(p)
}

// ResetAll closes every breaker and returns how many had anything to forget.
func (e *Engine) ResetAll() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, p := range e.processes {
		if e.reset(p) {
			n++
		}
	}
	return n
}

func (e *Engine) reset(p *process) bool {
	if p.breaker.Clean() {
		return false
	}
	was := p.breaker.Snapshot(e.limits()).State
	p.breaker.Reset()
	p.said = ReasonNone
	if was != breaker.Closed {
		e.emit(e.event(BreakerClosed, p))
	}
	return true
}

// Restart recovers a process because an operator asks for it, in alarm or not,
// by the same path as an alarm: the queue, the attempts, the checks and the
// write-back. An error of type *Refusal says why it does not; force overrides
// the breaker and a pause, and nothing else. It returns the recovery's number
// before the recovery ends: the events that carry it tell its story, and the
// last of them is RecoverySucceeded, RecoveryFailed, RecoveryInterrupted or
// NotActing.
func (e *Engine) Restart(name string, by Operator, force bool) (uint64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	p, ok := e.processes[name]
	if !ok {
		p = &process{name: name, breaker: breaker.New()}
	}
	conf := e.cfg.Process(name)
	if err := e.mayRestart(p, now, force); err != nil {
		return 0, err
	}
	// unconfigured_processes = ignore is about alarms, not about what an
	// operator asks for.
	if reason := e.mustNot(conf); reason != ReasonNone && reason != ReasonIgnored {
		why := "it has no name"
		if reason == ReasonUnsafeName {
			why = "its name must not become part of a command or of a unit's name: give it a section of its own that spells out what to restart"
		}
		return 0, refuse(reason, name, why)
	}
	answer := p.breaker.Ask(now, e.limits())
	if !answer.Allowed && !force {
		return 0, refuse(ReasonBreakerOpen, name, fmt.Sprintf("its breaker is open until %s; --force restarts it all the same",
			answer.NextTrial.Format(time.DateTime)))
	}
	if !answer.Allowed {
		p.breaker.Force()
		answer.Trial = true
	}
	e.processes[name] = p
	p.priority = conf.Priority
	if !p.inAlarm {
		p.alarm = Alarm{Process: name}
	}
	p.trial, p.recheck = answer.Trial, false
	p.manual, p.by, p.askedAt = true, by, now
	e.enqueue(p)
	e.emit(e.event(OperatorRestart, p))
	slices.SortStableFunc(e.queue, byPriority)
	number := p.recovery
	e.dispatch()
	return number, nil
}

func (e *Engine) mayRestart(p *process, now time.Time, force bool) error {
	switch p.stage {
	case queued, running:
		return refuse(ReasonRunning, p.name, "its recovery is under way")
	case idle, writingBack, awaitingOwner:
	}
	switch {
	case e.stopping:
		return refuse(ReasonStopping, p.name, "the daemon is stopping")
	case e.cfg.Monitor.DryRun:
		return refuse(ReasonDryRun, p.name, "dry_run is on")
	}
	if pause, paused := e.pauseOf(p.name, now); paused && !force {
		return refuse(ReasonPaused, p.name, pause.Text()+"; --force restarts it all the same")
	}
	return nil
}

func refuse(reason Reason, name, why string) error {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf("process %q is not restarted: %s", name, why)}
}
