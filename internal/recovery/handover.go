package recovery

import (
	"errors"
	"slices"
	"time"
)

// ErrUnsure is wrapped by an error of Restarter.Restart when the restart may
// have been done, or may yet be, all the same: the bus was lost while systemd
// was at it, for example.
var ErrUnsure = errors.New("it may have been restarted all the same")

// Begun is what has to be known of a recovery to go on with it: at a later
// attempt when it is not sure that the one before did nothing, and in a later
// daemon when this one is killed in the middle. Without it a process would be
// restarted twice for one alarm.
type Begun struct {
	Process string
	// Rows are the alarm's rows as the recovery saw them: another mark is
	// another alarm.
	Rows []Row
	// At is when the restart was begun and, once it is verified, when that
	// was.
	At time.Time
	// Before are the target's runs before the restart, see Restarter.
	Before []string
	// Restarted says that the restart is known to be done, Verified that
	// the check has passed: then the alarm alone is left to be cleared.
	Restarted, Verified bool
}

// Handover keeps what a successor of this daemon has to know. Each method is
// quick.
type Handover interface {
	// Keep keeps what is begun, in the place of what was kept of the same
	// process.
	Keep(b Begun) error
	// Drop forgets the process, kept or not.
	Drop(process string) error
}

// HandOver makes the engine keep what it has begun, and go on with what a
// predecessor has left. It is called once, before the first Cycle; without it
// the engine's knowledge ends with it.
func (e *Engine) HandOver(to Handover, left []Begun) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.handover = to
	e.left = make(map[string]*Begun, len(left))
	for i, b := range left {
		e.left[b.Process] = &left[i]
	}
}

// of says whether the recovery was of the alarm that these rows are. It is not
// believed for longer than trust: an alarm that was cleared and raised again
// while nobody looked may have the same marks.
func (b *Begun) of(rows []Row, trust time.Duration) bool {
	if time.Since(b.At) >= trust {
		return false
	}
	for _, row := range rows {
		if !slices.Contains(b.Rows, row) {
			return false
		}
	}
	return true
}

// keep hands over what is begun. A failure stops no recovery; it is told once,
// and once that it works again.
func (e *Engine) keep(p *process, b Begun) {
	e.mu.Lock()
	to := e.handover
	e.mu.Unlock()
	if to == nil {
		return
	}
	err := to.Keep(b)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch failing := !e.keepFailed.IsZero(); {
	case err != nil && !failing:
		ev := e.event(HandoverFailed, p)
		ev.Err = err
		e.emit(ev)
		e.keepFailed = ev.At
	case err == nil && failing:
		now := time.Now()
		e.emit(Event{Kind: HandoverWorks, At: now, Took: now.Sub(e.keepFailed)})
		e.keepFailed = time.Time{}
	}
}

// conclude ends what was going on with a process for good: what comes next is
// another recovery.
func (e *Engine) conclude(p *process, now time.Time) {
	e.settle(p, now)
	p.begun = nil
	e.drop(p.name)
}

func (e *Engine) drop(process string) {
	if e.handover != nil {
		// What cannot be dropped is told from the next alarm by its
		// rows' marks and by its age.
		_ = e.handover.Drop(process)
	}
}

// dropLeft forgets what a predecessor has left of processes that are no more
// in alarm.
func (e *Engine) dropLeft() {
	for name := range e.left {
		e.drop(name)
	}
	e.left = nil
}
