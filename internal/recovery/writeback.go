package recovery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// Write-backs that failed are tried again after firstRetry, then less
	// and less often, at least every lastRetry.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	// roundFailures in a row end a round: the database is then the
	// trouble, not the one row.
	roundFailures = 2
	// LastWriteBacks bounds the write-backs that are tried when the daemon
	// stops.
	LastWriteBacks = 5 * time.Second
)

// writer is the one goroutine that clears alarms after verified restarts. A
// write-back that fails is tried again on its own and never leads to another
// restart.
type writer struct {
	engine *Engine
	wake   chan struct{} // capacity 1: one pending wake-up is enough
	life   context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	// The fields below are guarded by the engine's lock.
	owed []*owing
	now  *owing
}

// owing is one write-back that is owed.
type owing struct {
	process *process
	alarm   Alarm
	at      time.Time
	tries   int
}

func startWriter(e *Engine) *writer {
	w := &writer{engine: e, wake: make(chan struct{}, 1)}
	w.life, w.cancel = context.WithCancel(context.Background())
	w.done.Go(w.run)
	return w
}

// add owes the write-back of a process in stage writingBack. The engine's
// lock is held.
func (w *writer) add(p *process) {
	w.owed = append(w.owed, &owing{
		process: p, alarm: Alarm{Process: p.name, Rows: slices.Clone(p.alarm.Rows)},
		at: p.restoredAt,
	})
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// untried says whether any write-back was not tried yet. The engine's lock is
// held.
func (w *writer) untried() bool {
	return slices.ContainsFunc(w.owed, func(o *owing) bool { return o.tries == 0 })
}

func (w *writer) owes() bool { return len(w.owed) > 0 }

func (w *writer) busyWith(p *process) bool { return w.now != nil && w.now.process == p }

func (w *writer) run() {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.Multiplier = firstRetry, 2
	// What jitter adds is within the limit.
	wait.MaxInterval = time.Duration(float64(lastRetry) / (1 + wait.RandomizationFactor))
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	for {
		select {
		case <-w.life.Done():
			return
		case <-w.wake:
		case <-timer.C:
		}
		if w.round(w.life) {
			wait.Reset()
			timer.Stop()
			continue
		}
		timer.Reset(wait.NextBackOff())
	}
}

// stop tries what is owed once more and ends the goroutine.
func (w *writer) stop() {
	w.cancel()
	w.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), LastWriteBacks)
	defer cancel()
	w.round(ctx)
}

// round tries every write-back that is owed and says whether none is left.
func (w *writer) round(ctx context.Context) bool {
	w.engine.mu.Lock()
	todo := len(w.owed)
	w.engine.mu.Unlock()
	for bad := 0; todo > 0 && bad < roundFailures && ctx.Err() == nil; todo-- {
		o, alarms := w.next()
		if o == nil {
			break
		}
		n, err := alarms.Clear(ctx, o.alarm, o.at)
		if w.settle(o, n, err) {
			bad = 0
		} else {
			bad++
		}
	}
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	w.engine.idle.Broadcast()
	return len(w.owed) == 0
}

// next returns the first write-back that is still wanted, and where it goes.
func (w *writer) next() (*owing, Alarms) {
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	for len(w.owed) > 0 {
		o := w.owed[0]
		if o.process.stage == writingBack && o.process.restoredAt.Equal(o.at) {
			w.now = o
			return o, w.engine.alarms
		}
		// The alarm has gone, or the database is another one now.
		w.owed = w.owed[1:]
	}
	return nil, nil
}

// settle draws the consequences of one try and says whether the database took
// it.
func (w *writer) settle(o *owing, cleared int, err error) bool {
	e := w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.idle.Broadcast()
	w.now = nil
	w.owed = w.owed[1:]
	o.tries++
	p := o.process
	if p.stage != writingBack || !p.restoredAt.Equal(o.at) {
		return err == nil // a reload has settled it meanwhile
	}
	switch {
	case errors.Is(err, ErrReadOnly):
		e.refusedWriteBack(p, err)
		return true
	case err != nil:
		w.owed = append(w.owed, o)
		if !p.writeBackTold {
			p.writeBackTold = true
			ev := e.event(WriteBackFailed, p)
			ev.Err = err
			e.emit(ev)
		}
		return false
	}
	kind := Cleared
	if cleared < len(o.alarm.Rows) {
		kind = Superseded
	}
	now := time.Now()
	ev := e.event(kind, p)
	ev.Took, ev.Count = now.Sub(o.at), cleared
	e.emit(ev)
	if cleared > 0 {
		e.readOnlyTold = notTold // the account may write
	}
	p.inAlarm = false
	e.conclude(p, now)
	return true
}
