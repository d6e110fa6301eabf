package recovery

import (
	"cmp"
	"slices"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
)

// Summary counts what is going on.
type Summary struct {
	// Alarms are the processes in alarm as of the last poll, acknowledged
	// ones not counted.
	Alarms int
	// Running recoveries are under way, Queued ones wait for a place.
	Running, Queued int
	// OwedWriteBacks are verified restarts whose alarm is not cleared yet.
	OwedWriteBacks int
	// OpenBreakers counts the open and the half-open ones.
	OpenBreakers int
	// ReadOnly says that this daemon does not clear alarms.
	ReadOnly bool
}

// Summary counts what is going on now.
func (e *Engine) Summary() Summary {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Summary{
		Running: e.running, Queued: len(e.queue),
		OwedWriteBacks: len(e.writer.owed), ReadOnly: e.readOnly,
	}
	for _, p := range e.processes {
		if p.inAlarm {
			s.Alarms++
		}
		if p.breaker.State() != breaker.Closed {
			s.OpenBreakers++
		}
	}
	return s
}

// Status is what the engine knows of one process.
type Status struct {
	Process string
	// Stage is idle, queued, running, writing_back or awaiting_owner.
	Stage   string
	InAlarm bool
	// Since is when the alarm was first seen, zero where there is none.
	Since time.Time
	IDs   []int64
	// Reason is why the process was left alone when that was told last.
	Reason  Reason
	Target  Target
	Breaker breaker.Snapshot
	// Began is when the recovery under way began, zero where there is none.
	Began time.Time
	// By is the operator who asked for it.
	By Operator
	// Probation says that the last restart has not held for stable_time.
	Probation bool
}

func (s stage) String() string {
	switch s {
	case idle:
		return "idle"
	case queued:
		return "queued"
	case running:
		return "running"
	case writingBack:
		return "writing_back"
	case awaitingOwner:
		return "awaiting_owner"
	}
	return "unknown"
}

// Status lists what the engine knows, by process name. A process that is not
// listed is in no alarm and has a closed breaker.
func (e *Engine) Status() []Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	all := make([]Status, 0, len(e.processes))
	for _, p := range e.processes {
		all = append(all, e.statusOf(p, now))
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Process, b.Process) })
	return all
}

func (e *Engine) statusOf(p *process, now time.Time) Status {
	ev := e.event(KindUnknown, p)
	s := Status{
		Process: p.name, Stage: p.stage.String(), InAlarm: p.inAlarm, IDs: ev.IDs,
		Reason: p.said, Target: p.target, Breaker: ev.Breaker, By: p.by,
		Probation: p.breaker.OnProbation(now, e.limits()),
	}
	if p.inAlarm {
		s.Since = p.since
	}
	if p.stage == running {
		s.Began = p.beganAt
	}
	return s
}

// Work is a recovery under way.
type Work struct {
	// Process has the settings that the recovery began with.
	Process config.Process
	// Target is what it acts upon, or what was acted upon before it as long
	// as it has not found that out.
	Target Target
}

// UnderWay lists the recoveries that have begun and not ended.
func (e *Engine) UnderWay() []Work {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Work
	for _, p := range e.processes {
		if p.settings != nil {
			all = append(all, Work{*p.settings, p.target})
		}
	}
	return all
}
