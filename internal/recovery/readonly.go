package recovery

import "errors"

// readOnlyCause is the cause of the read-only mode that was told last. The mode
// is told once for each cause: a reload tries to write again, since the account
// may have been given the right, and what it is refused then is no news.
type readOnlyCause int

const (
	// notTold also stands for a mode that was told and has ended.
	notTold readOnlyCause = iota
	// toldRefused: the account may not write.
	toldRefused
	// toldConfigured: clear_alarm is off.
	toldConfigured
)

var errClearAlarmOff = errors.New("section [database] has clear_alarm = no")

// enterReadOnly enters the read-only mode: from now on whoever raised an alarm
// has to clear it. The event is told unless it was, and enterReadOnly says
// whether it was told now. The engine's lock is held.
func (e *Engine) enterReadOnly(cause readOnlyCause, ev Event) bool {
	in := e.readOnly
	e.readOnly = true
	if in || e.readOnlyTold == cause {
		return false
	}
	e.readOnlyTold = cause
	e.emit(ev)
	return true
}

// refusedWriteBack enters the read-only mode because the account may not write.
// The engine's lock is held.
func (e *Engine) refusedWriteBack(p *process, err error) {
	ev := e.event(WriteBackRefused, p)
	ev.Err = err
	p.stage = awaitingOwner
	if !e.enterReadOnly(toldRefused, ev) {
		// Whoever follows this recovery learns all the same how it ended.
		e.sayNotActing(p, ReasonNotYetCleared, "")
	}
}
