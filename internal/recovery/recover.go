package recovery

import (
	"context"
	"errors"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
)

// job is one recovery, with all that it needs from the moment when it began.
type job struct {
	process config.Process
	alarm   Alarm
	trial   bool
	// manual says that an operator asked for it, whether there is an alarm
	// or not.
	manual bool
	dryRun bool
	alarms Alarms
	// begun is what an earlier recovery has left, nil where there is
	// nothing, and trust how old it may be.
	begun *Begun
	trust time.Duration
	// recheck says that no more is asked for than whether the target is
	// still well.
	recheck bool
	target  Target
	// since is when the alarm was seen first, or when this daemon was done
	// with the process last, where that is later.
	since time.Time
}

// verdict is how a recovery ended.
type verdict int

const (
	_ verdict = iota
	// restored: the process is restarted and verified.
	restored
	// failed: every attempt failed, or none could be made.
	failed
	// alarmGone: the alarm was over before anything was touched.
	alarmGone
	// refused: the process must not be restarted; nothing was touched.
	refused
	// stillWell and fellAgain are the verdicts of a recheck.
	stillWell
	fellAgain
	// interrupted: the daemon stops.
	interrupted
	// postponed: what it takes is out of reach.
	postponed
)

// outcome is a recovery's verdict and the story behind it.
type outcome struct {
	verdict verdict
	reason  Reason
	err     error
	rows    []Row
	target  Target
	// begun is what a later recovery of the alarm goes on with, nil where
	// it would begin anew.
	begun *Begun
	// attempts are those that were made, of at most most.
	attempts, most int
	began          time.Time
	ended          time.Time
	// watching says that the recovery has given its place back, told that
	// its beginning was told.
	watching, told bool
	// away is when systemd was out of reach first.
	away time.Time
}

// recover takes one process from its alarm to a verdict. It holds no lock and
// touches nothing of p but to name it.
func (e *Engine) recover(ctx context.Context, p *process, j job) outcome {
	o := outcome{began: time.Now(), rows: j.alarm.Rows, most: j.process.MaxAttempts}
	if j.recheck {
		return e.recheck(ctx, j, o)
	}

	// The alarm may have waited in the queue for long: an operator may
	// have acknowledged it, its owner may have cleared it. Where the
	// database does not answer, what the poll has seen still counts: the
	// process in alarm may be the database itself.
	if len(o.rows) > 0 {
		if rows, err := j.alarms.Standing(ctx, j.alarm); err == nil {
			o.rows = rows
		}
	}
	if len(o.rows) == 0 && !j.manual {
		return o.ending(alarmGone, ReasonNone, nil)
	}
	if b := j.begun; b != nil && b.of(o.rows, j.trust) {
		o.begun = b
		if b.Verified && !j.dryRun {
			return e.resumeVerified(p, j, o)
		}
	}

	target, err := e.resolve(ctx, j)
	for errors.Is(err, ErrAway) && e.sitOut(ctx, &o) {
		target, err = e.resolve(ctx, j)
	}
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return o.ending(refused, refusal.Reason, err)
	case ctx.Err() != nil:
		return o.ending(interrupted, ReasonStopping, ctx.Err())
	case errors.Is(err, ErrAway):
		return o.ending(postponed, ReasonAway, err)
	case err != nil:
		return o.ending(failed, ReasonResolve, err)
	}
	o.target, o.away = target, time.Time{}
	if j.dryRun {
		return o.ending(refused, ReasonDryRun, nil)
	}
	last, err := e.claim(ctx, o.target)
	if err != nil {
		return o.ending(interrupted, ReasonStopping, err)
	}
	if last.After(j.since) {
		// Another name of the same unit was in alarm at the same time:
		// what is left is to look whether it is well.
		o.begun = &Begun{Process: p.name, Rows: o.rows, At: last, Restarted: true}
	}
	o = e.claimed(ctx, p, j, o)
	var verified time.Time
	if o.verdict == restored {
		verified = o.ended
	}
	e.release(o.target, verified)
	return o
}

// recheck looks whether a process whose write-back is owed for long is still
// well.
func (e *Engine) recheck(ctx context.Context, j job, o outcome) outcome {
	o.target, o.begun = j.target, j.begun
	err := e.checker.Check(ctx, Order{
		Process: j.process, Target: j.target, ID: firstID(o.rows), Attempt: 1,
	})
	switch {
	case err == nil, errors.Is(err, ErrAway): // nobody has seen it fall
		return o.ending(stillWell, ReasonNone, nil)
	case ctx.Err() != nil:
		return o.ending(interrupted, ReasonStopping, err)
	}
	return o.ending(fellAgain, ReasonFlapping, err)
}

// claimed goes on with a recovery whose target nobody else works on.
func (e *Engine) claimed(ctx context.Context, p *process, j job, o outcome) outcome {
	o.told = true
	if o.begun != nil {
		e.tell(p, j, o, Event{Kind: RecoveryResumed})
	} else {
		e.tell(p, j, o, Event{Kind: RecoveryStarted})
	}
	if j.trial {
		e.tell(p, j, o, Event{Kind: BreakerHalfOpen})
	}
	return e.attempt(ctx, p, j, o)
}

// resumeVerified takes over a recovery of which the write-back alone is left.
func (e *Engine) resumeVerified(p *process, j job, o outcome) outcome {
	e.tell(p, j, o, Event{Kind: RecoveryResumed})
	o.verdict, o.ended = restored, o.begun.At
	return o
}

// attempt tries up to max_attempts times to restart and verify.
func (e *Engine) attempt(ctx context.Context, p *process, j job, o outcome) outcome {
	order := Order{Process: j.process, Target: o.target, ID: firstID(o.rows), Attempt: 1}
	if o.begun == nil {
		if err := e.restarter.Prepare(ctx, order); err != nil {
			if ctx.Err() != nil {
				return o.ending(interrupted, ReasonStopping, err)
			}
			if errors.Is(err, ErrAway) {
				return o.ending(postponed, ReasonAway, err)
			}
			return o.ending(failed, ReasonPreRestart, err)
		}
	}
	for ; order.Attempt <= j.process.MaxAttempts; order.Attempt++ {
		if order.Attempt > 1 && !pause(ctx, j.process.RestartDelay) {
			return o.ending(interrupted, ReasonStopping, ctx.Err())
		}
		o.attempts = order.Attempt
		began := time.Now()
		reason, err := e.once(ctx, p, j, &o, order)
		if err == nil {
			return o.ending(restored, ReasonNone, nil)
		}
		if ctx.Err() != nil {
			return o.ending(interrupted, ReasonStopping, err)
		}
		away := errors.Is(err, ErrAway)
		if away && !e.reach(ctx, j, &o) {
			if b := j.begun; b != nil && !b.Restarted && o.begun == b {
				return o.ending(failed, reason, err) // systemd was lost over it before
			}
			return o.ending(postponed, ReasonAway, err)
		}
		if away && (reason == ReasonHealthCheck || o.begun == nil) {
			order.Attempt-- // nobody has looked, or nothing was touched: it is no attempt
			continue
		}
		// It counts, and the next one may wait anew.
		o.reason, o.err, o.away = reason, err, time.Time{}
		e.tell(p, j, o, Event{
			Kind: AttemptFailed, Attempt: order.Attempt, Reason: reason, Err: err, Took: time.Since(began),
		})
		if errors.Is(err, ErrPermanent) {
			break
		}
	}
	return o.ending(failed, o.reason, o.err)
}

// once makes one attempt: restart, unless it is known to be done, then health
// check.
func (e *Engine) once(ctx context.Context, p *process, j job, o *outcome, order Order) (Reason, error) {
	if o.begun == nil || !o.begun.Restarted {
		if err := e.restart(ctx, p, j, o, order); err != nil {
			return ReasonRestart, err
		}
	}
	began := time.Now()
	o.watching = o.watching || e.checker.Watches(order) && e.watch()
	if err := e.checker.Check(ctx, order); err != nil {
		if ctx.Err() == nil && !errors.Is(err, ErrAway) {
			o.begun = nil // it did not help: what follows is another restart
		}
		return ReasonHealthCheck, err
	}
	o.begun = &Begun{Process: p.name, Rows: o.rows, At: time.Now(), Restarted: true, Verified: true}
	e.keep(p, *o.begun)
	e.tell(p, j, *o, Event{Kind: HealthPassed, Attempt: order.Attempt, Took: time.Since(began)})
	return ReasonNone, nil
}

// restart makes one restart. What it is about to do is kept before it is done,
// so that whoever comes after can tell whether it was.
func (e *Engine) restart(ctx context.Context, p *process, j job, o *outcome, order Order) error {
	if o.watching {
		o.watching = !e.comeBack(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	if order.Unsure = o.begun != nil; order.Unsure {
		order.Before = o.begun.Before
	}
	order.Begin = func(runs []string) {
		o.begun = &Begun{Process: p.name, Rows: o.rows, At: began, Before: runs}
		e.keep(p, *o.begun)
	}
	if err := e.restarter.Restart(ctx, order); err != nil {
		if !errors.Is(err, ErrUnsure) {
			o.begun = nil
		}
		return err
	}
	o.begun = &Begun{Process: p.name, Rows: o.rows, At: time.Now(), Restarted: true}
	e.keep(p, *o.begun)
	e.tell(p, j, *o, Event{Kind: Restarted, Attempt: order.Attempt, Took: time.Since(began)})
	return nil
}

// tell emits an event about a recovery under way.
func (e *Engine) tell(p *process, j job, o outcome, ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p.target = o.target
	full := e.event(ev.Kind, p)
	full.Attempt, full.Attempts = ev.Attempt, j.process.MaxAttempts
	full.Reason, full.Err, full.Took, full.Trial = ev.Reason, ev.Err, ev.Took, j.trial
	e.emit(full)
}

func (o outcome) ending(v verdict, r Reason, err error) outcome {
	o.verdict, o.reason, o.err = v, r, err
	o.ended = time.Now()
	return o
}

// pause waits and says whether it was the time that ended it.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// finish draws the consequences of a recovery that has ended.
func (e *Engine) finish(p *process, o outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leave(o.watching)
	p.alarm.Rows, p.begun, p.settings = o.rows, o.begun, nil
	if o.target != (Target{}) {
		p.target = o.target
	}
	switch o.verdict {
	case restored:
		e.finishRestored(p, o)
	case failed:
		e.finishFailed(p, o)
	case alarmGone:
		p.breaker.Abandoned()
		e.emit(e.event(AlarmGone, p))
		p.inAlarm = false
		e.conclude(p, o.ended)
	case refused:
		p.breaker.Abandoned()
		if p.manual {
			p.said = ReasonNone // who asked wants to hear it again
		}
		detail := ""
		if o.err != nil {
			detail = o.err.Error()
		}
		e.sayNotActing(p, o.reason, detail)
		e.settle(p, o.ended)
	case stillWell:
		p.stage, p.recheck, p.checkedAt = writingBack, false, o.ended
		e.writer.add(p)
	case fellAgain:
		ev := e.ended(Flapped, p, o)
		e.conclude(p, o.ended)
		e.emit(ev)
		e.fail(p, o.ended, ReasonFlapping, o.err.Error())
	case postponed:
		e.postpone(p, o)
	case interrupted:
		ev := e.ended(RecoveryInterrupted, p, o)
		e.settle(p, o.ended)
		e.emit(ev)
	}
	e.dispatch()
	e.idle.Broadcast()
}

func (e *Engine) ended(kind Kind, p *process, o outcome) Event {
	ev := e.event(kind, p)
	ev.Attempt, ev.Attempts = o.attempts, o.most
	ev.Reason, ev.Err, ev.Took = o.reason, o.err, o.ended.Sub(o.began)
	return ev
}

func (e *Engine) finishFailed(p *process, o outcome) {
	text := o.reason.String()
	if o.err != nil {
		text = o.err.Error()
	}
	ev := e.ended(RecoveryFailed, p, o)
	if o.begun == nil {
		e.conclude(p, o.ended)
	} else {
		e.settle(p, o.ended)
	}
	e.emit(ev)
	p.said = ReasonNone
	e.fail(p, o.ended, o.reason, text)
}

func (e *Engine) finishRestored(p *process, o outcome) {
	before := p.breaker.Snapshot(e.limits()).State
	p.breaker.Succeeded(o.ended)
	ev := e.ended(RecoverySucceeded, p, o)
	e.settle(p, o.ended)
	p.restoredAt, p.checkedAt = o.ended, o.ended
	p.said = ReasonNone
	if o.attempts > 0 {
		e.emit(ev) // else a predecessor has told it
	}
	if before == breaker.HalfOpen {
		e.emit(e.event(BreakerClosed, p))
	}
	if len(o.rows) == 0 { // an operator's restart of a process without an alarm
		e.conclude(p, o.ended)
		return
	}
	if e.readOnly {
		p.stage = awaitingOwner
		return
	}
	p.stage = writingBack
	e.writer.add(p)
}
