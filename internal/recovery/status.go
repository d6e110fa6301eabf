package recovery

import "monitor_service/internal/breaker"

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
		if p.breaker.Snapshot(e.limits()).State != breaker.Closed {
			s.OpenBreakers++
		}
	}
	return s
}
