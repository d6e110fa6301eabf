package daemon

import (
	"context"
	"fmt"
	"time"

	"monitor_service/internal/control"
	"monitor_service/internal/recovery"
)

// clearTime is how long the end of a good restart waits for the alarm to be
// cleared, so as to tell that too.
const clearTime = 5 * time.Second

// Restart implements control.Daemon.
func (k *desk) Restart(ctx context.Context, by recovery.Operator, r control.RestartRequest, told func(control.Progress) error) error {
	if err := k.known(ctx, r.Process); err != nil {
		return err
	}
	w := k.d.watchers.watch(r.Process)
	defer k.d.watchers.stop(w)
	number, err := k.d.engine.Restart(r.Process, by, r.Force)
	if err != nil {
		return err
	}
	story := story{desk: k, watcher: w, number: number, told: told}
	return story.tell(ctx)
}

// story tells one recovery as it happens.
type story struct {
	desk    *desk
	watcher *watcher
	number  uint64
	told    func(control.Progress) error
}

func (s *story) tell(ctx context.Context) error {
	for {
		ev, why := s.next(ctx)
		if why != "" {
			return s.end(control.VerdictUnknown, why)
		}
		if err := s.told(progress(ev)); err != nil {
			return err
		}
		switch ev.Kind { //nolint:exhaustive // the other kinds need no more than to be told
		case recovery.OperatorRestart:
			if err := s.waiting(); err != nil {
				return err
			}
		case recovery.RecoverySucceeded:
			return s.afterwards(ctx, ev)
		case recovery.RecoveryFailed:
			return s.failed(ev)
		case recovery.RecoveryInterrupted:
			return s.end(control.VerdictInterrupted, "the daemon is stopping")
		case recovery.RecoveryPostponed:
			return s.end(control.VerdictInterrupted, "systemd cannot be reached; ask again once it can")
		case recovery.NotActing:
			text := "the process is left alone: " + ev.Reason.String()
			if ev.Err != nil {
				text = ev.Err.Error()
			}
			return s.end(control.VerdictRefused, text)
		}
	}
}

// waiting tells that the recovery has to wait for a place, if it has: nothing
// else is told until there is one.
func (s *story) waiting() error {
	ahead, places, waits := s.desk.d.engine.Waiting(s.watcher.process)
	if !waits {
		return nil
	}
	text := fmt.Sprintf("waits for a place: max_parallel_restarts = %d, all are taken", places)
	if ahead > 0 {
		text += fmt.Sprintf(", and %d wait before it", ahead)
	}
	return s.told(control.Progress{At: time.Now(), Event: control.ProgressQueued, Process: s.watcher.process, Message: text})
}

// next waits for the recovery's next event, or says why there is none.
func (s *story) next(ctx context.Context) (recovery.Event, string) {
	for {
		select {
		case ev, ok := <-s.watcher.events:
			if !ok {
				return ev, "the events came faster than they were read; monitor_service history tells the end"
			}
			if ev.Recovery == s.number {
				return ev, ""
			}
		case <-ctx.Done():
			return recovery.Event{}, "the daemon no longer listens, or is stopping; the recovery goes on"
		}
	}
}

// afterwards tells a little more of a recovery that went well: whether its
// alarm was cleared.
func (s *story) afterwards(ctx context.Context, end recovery.Event) error {
	text := fmt.Sprintf("%q is restarted and verified, in %s", end.Process, end.Took.Round(time.Millisecond))
	if len(end.IDs) == 0 {
		return s.end(control.VerdictSucceeded, text)
	}
	if s.desk.d.engine.Summary().ReadOnly {
		return s.end(control.VerdictSucceeded, text+"; whoever raised its alarm has to clear it")
	}
	ctx, cancel := context.WithTimeout(ctx, clearTime)
	defer cancel()
	for {
		ev, why := s.next(ctx)
		if why != "" {
			return s.end(control.VerdictSucceeded, text+"; its alarm is still to be cleared")
		}
		if err := s.told(progress(ev)); err != nil {
			return err
		}
		switch ev.Kind { //nolint:exhaustive // the other kinds say nothing of the alarm
		case recovery.Cleared:
			return s.end(control.VerdictSucceeded, text+"; its alarm is cleared")
		case recovery.Superseded:
			return s.end(control.VerdictSucceeded, text+"; its alarm was changed meanwhile and is left as it is")
		case recovery.WriteBackFailed:
			return s.end(control.VerdictSucceeded, text+"; its alarm could not be cleared yet, that is tried again")
		case recovery.WriteBackRefused:
			return s.end(control.VerdictSucceeded, text+"; whoever raised its alarm has to clear it")
		case recovery.NotActing: // read-only mode was told before this recovery
			if ev.Reason == recovery.ReasonNotYetCleared {
				return s.end(control.VerdictSucceeded, text+"; whoever raised its alarm has to clear it")
			}
		}
	}
}

// failed tells what the failure did to the breaker.
func (s *story) failed(ev recovery.Event) error {
	p := s.desk.d.engine.Prospect(ev.Process) // which waits until the breaker has been told
	text := fmt.Sprintf("%q was not recovered: %s", ev.Process, ev.Reason)
	if b := p.Now.Breaker; !b.NextTrial.IsZero() {
		text += "; its breaker is open until " + b.NextTrial.Format(time.DateTime)
	}
	return s.end(control.VerdictFailed, text)
}

func (s *story) end(verdict, text string) error {
	return s.told(control.Progress{At: time.Now(), Process: s.watcher.process, Verdict: verdict, Message: text})
}

func progress(ev recovery.Event) control.Progress {
	p := control.Progress{
		At: ev.At, Event: ev.Kind.String(), Process: ev.Process, Unit: ev.Target.Unit,
		Attempt: ev.Attempt, Attempts: ev.Attempts, Seconds: ev.Took.Seconds(),
	}
	if ev.Target.Strategy != 0 {
		p.Strategy = ev.Target.Strategy.String()
	}
	if ev.Reason != recovery.ReasonNone {
		p.Reason = ev.Reason.String()
	}
	if ev.Err != nil {
		p.Error = ev.Err.Error()
	}
	return p
}
