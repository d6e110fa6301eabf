package recovery

import (
	"context"
	"errors"
	"time"
)

// ErrAway is wrapped by an error of a Restarter or a Checker that could not reach
// what it works with, which is systemd. It says nothing about the process.
var ErrAway = errors.New("out of reach")

// Away makes err wrap ErrAway, and leaves its text as it is.
func Away(err error) error { return awayError{err} }

type awayError struct{ error }

func (e awayError) Unwrap() []error { return []error{e.error, ErrAway} }

const (
	// awayLimit is how long a recovery waits in all for a systemd that is out
	// of reach, as while the message bus is restarted or systemd executes
	// itself anew; what takes longer is left to a later poll. It looks every
	// awayPause.
	awayLimit = 20 * time.Second
	awayPause = 500 * time.Millisecond
)

// sitOut waits a moment for a systemd that is out of reach, and says whether it
// is worth while to try again.
func (e *Engine) sitOut(ctx context.Context, o *outcome) bool {
	if o.away.IsZero() {
		o.away = time.Now()
	}
	e.mu.Lock()
	if e.awaySince.IsZero() {
		e.awaySince = time.Now()
	}
	// Where others have waited in vain, this one does not hold a place for it.
	give := e.stopping || time.Since(e.awaySince) >= awayLimit
	e.mu.Unlock()
	return !give && time.Since(o.away) < awayLimit && pause(ctx, awayPause)
}

// resolve finds the target, and whether systemd is within reach.
func (e *Engine) resolve(ctx context.Context, j job) (Target, error) {
	target, err := e.restarter.Resolve(ctx, j.process)
	if !errors.Is(err, ErrAway) {
		e.mu.Lock()
		e.awaySince = time.Time{}
		e.mu.Unlock()
	}
	return target, err
}

// reach waits until systemd is within reach again, and says whether it is.
func (e *Engine) reach(ctx context.Context, j job, o *outcome) bool {
	for e.sitOut(ctx, o) {
		if _, err := e.resolve(ctx, j); !errors.Is(err, ErrAway) {
			return true
		}
	}
	return false
}

// postpone leaves a recovery to a later poll. Nothing is known against the
// process: its breaker counts nothing.
func (e *Engine) postpone(p *process, o outcome) {
	p.breaker.Abandoned()
	ev := e.ended(RecoveryPostponed, p, o)
	if p.manual {
		p.said = ReasonNone // who asked wants to hear it again
	}
	if !o.told {
		e.sayNotActing(p, o.reason, o.err.Error())
	}
	e.settle(p, o.ended)
	if o.told {
		e.emit(ev)
		p.said = ReasonAway // the next poll need not say it
	}
}
