package recovery

import (
	"slices"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
)

// Prospect is what would happen if a process alarmed now.
type Prospect struct {
	// Process is what the configuration says about it.
	Process config.Process
	// Reason is ReasonNone where a recovery would begin, as far as can be
	// told without looking at the host: Restarter.Resolve has the next word.
	Reason Reason
	// Answer is the breaker's, valid where Reason is ReasonNone or
	// ReasonBreakerOpen.
	Answer breaker.Answer
	// Follows are the events that the alarm itself would cause: an alarm
	// that comes back too soon counts as a failure, which may open the
	// breaker.
	Follows []Kind
	// Now is what is known of the process at present, with its breaker.
	Now Status
	// Limits are those of its breaker.
	Limits breaker.Limits
	// Pauses are those in force for it: its own, and that of all.
	Pauses []Pause
	// Taken places of MaxParallel are those of recoveries under way, Queued
	// ones would go before or after it by their priority.
	Taken, Queued, MaxParallel int
	// MaxPerCycle is max_restarts_per_cycle, 0 for no bound.
	MaxPerCycle int
	// Recheck says that it would only be looked at, as its restart is
	// verified and its alarm still to be cleared.
	Recheck          bool
	ReadOnly, DryRun bool
}

// Prospect decides about an alarm of a process as Cycle would, by the same
// code, and changes nothing.
func (e *Engine) Prospect(name string) Prospect {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	// The decision is made on a copy, by an engine that owns nothing else.
	p := process{name: name}
	b := *breaker.New()
	if known, ok := e.processes[name]; ok {
		p, b = *known, *known.breaker
	}
	p.breaker = &b
	before := e.statusOf(&p, now)
	p.said = ReasonNone
	var follows []Kind
	shadow := &Engine{
		cfg: e.cfg, pauses: e.pauses,
		emit: func(ev Event) { follows = append(follows, ev.Kind) },
	}
	reason, answer := shadow.decide(&p, now)
	prospect := Prospect{
		Process: e.cfg.Process(name), Reason: reason, Answer: answer, Follows: follows,
		Now: before, Limits: e.limits(),
		Taken: e.places.taken, Queued: len(e.queue), MaxParallel: e.cfg.Monitor.MaxParallelRestarts,
		MaxPerCycle: e.cfg.Monitor.MaxRestartsPerCycle, Recheck: p.recheck, ReadOnly: e.readOnly, DryRun: e.cfg.Monitor.DryRun,
	}
	for _, n := range slices.Compact([]string{name, everything}) {
		if pause, ok := e.pauses[n]; ok && !pause.Over(now) {
			prospect.Pauses = append(prospect.Pauses, pause)
		}
	}
	return prospect
}
