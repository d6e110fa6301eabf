package recovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// kept is a handover in memory.
type kept struct {
	mu    sync.Mutex
	begun map[string]Begun
	err   error
}

func (k *kept) Keep(b Begun) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.begun[b.Process] = b
	}
	return k.err
}

func (k *kept) Drop(process string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.begun, process)
	return nil
}

func (k *kept) left() []Begun {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Values(k.begun))
}

func (w *world) keeps() *kept {
	k := &kept{begun: map[string]Begun{}}
	w.engine.HandOver(k, nil)
	return k
}

// kill puts a new daemon in the place of the one that is there, at any moment
// of its work. left is what that had kept by then: what it still does when it
// is stopped here, a daemon that is killed could not.
func (w *world) kill(left []Begun) *kept {
	w.t.Helper()
	dead := w.engine
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dead.Stop(ctx)
	k := &kept{begun: map[string]Begun{}}
	for _, b := range left {
		k.begun[b.Process] = b
	}
	w.mu.Lock()
	cfg := dead.cfg
	w.underWay, w.now, w.events = map[string]int{}, 0, nil
	w.mu.Unlock()
	w.engine = New(cfg, w, w, w, w.record)
	w.engine.HandOver(k, left)
	return k
}

// runsOfRestarts makes each restart of the world a run of its own.
func (w *world) runsOfRestarts() {
	w.runs = func(o Order) []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return []string{fmt.Sprint("run ", len(w.restarts[o.Process.Name]))}
	}
}

func TestASuccessorDoesNotRestartWhatOnlyHasToBeCleared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		k := w.keeps()
		w.clearErr = func(string) error { return errBroken }
		w.raise(1, "nginx")
		w.poll()
		w.wantRestarts("nginx", 1)
		restarted := time.Now()
		time.Sleep(time.Minute)

		k = w.kill(k.left())
		w.clearErr = nil
		w.settle()
		w.wantRestarts("nginx", 1)
		if w.inAlarm(1) {
			t.Error("the alarm still stands")
		}
		if at := w.clears["nginx"]; len(at) != 1 || !at[0].Equal(restarted) {
			t.Errorf("cleared with the times %v, want that of the restart, %v", at, restarted)
		}
		w.wantKinds("nginx", AlarmFound, RecoveryResumed, Cleared)
		if left := k.left(); len(left) != 0 {
			t.Errorf("still kept: %v", left)
		}
	})
}

func TestASuccessorInReadOnlyModeWaitsForTheOwnerAsLongAsThereIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		k := w.keeps()
		w.clearErr = func(string) error { return fmt.Errorf("denied: %w", ErrReadOnly) }
		w.raise(1, "nginx")
		w.settle()
		time.Sleep(10 * time.Minute)
		w.kill(k.left())
		w.settle()
		w.wantRestarts("nginx", 1)
		time.Sleep(6 * time.Minute) // clear_timeout, 15 minutes, is over
		w.settle()
		w.wantRestarts("nginx", 2)
	})
}

func TestASuccessorChecksWhatIsRestarted(t *testing.T) {
	for _, healthy := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, "")
			k := w.keeps()
			w.check = func(ctx context.Context, _ Order) error { <-ctx.Done(); return ctx.Err() }
			w.raise(1, "nginx")
			w.poll()
			w.kill(k.left())
			w.prepare = func(Order) error { t.Error("pre_restart_command was run twice for one recovery"); return nil }
			w.check = func(context.Context, Order) error {
				if healthy || w.restarted("nginx") > 1 {
					return nil
				}
				return errBroken
			}
			w.settle()
			if want := map[bool]int{true: 1, false: 2}[healthy]; w.restarted("nginx") != want {
				t.Errorf("restarted %d times where the successor's check says healthy %t, want %d", w.restarted("nginx"), healthy, want)
			}
			if w.inAlarm(1) {
				t.Error("the alarm still stands")
			}
		})
	}
}

func TestASuccessorTellsTheRestartOfWhatRanBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		k := w.keeps()
		w.runsOfRestarts()
		w.restart = func(ctx context.Context, _ Order) error { <-ctx.Done(); return ctx.Err() }
		w.raise(1, "nginx")
		w.poll()
		w.kill(k.left())
		w.restart = func(_ context.Context, o Order) error {
			if !o.Unsure || !slices.Equal(o.Before, []string{"run 0"}) {
				t.Errorf("unsure %t, before %v; want what ran before the restart that was cut short", o.Unsure, o.Before)
			}
			return nil
		}
		w.settle()
		w.wantKinds("nginx", AlarmFound, RecoveryResumed, Restarted, HealthPassed, RecoverySucceeded, Cleared)
	})
}

func TestAnotherAlarmIsAnotherRecovery(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"raised again": func(w *world) { w.with(1, func(r *row) { r.notes = "raised again" }) },
		"one more row": func(w *world) { w.raise(2, "nginx") },
		"too long ago": func(*world) { time.Sleep(15 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, "")
				k := w.keeps()
				w.clearErr = func(string) error { return errBroken }
				w.raise(1, "nginx")
				w.poll()
				k = w.kill(k.left())
				w.clearErr = nil
				change(w)
				w.settle()
				w.wantRestarts("nginx", 2)
				if left := k.left(); len(left) != 0 {
					t.Errorf("still kept: %v", left)
				}
			})
		})
	}
}

func TestWhatIsLeftOfAnAlarmThatIsOverIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		k := w.keeps()
		w.clearErr = func(string) error { return errBroken }
		w.raise(1, "nginx")
		w.poll()
		k = w.kill(k.left())
		w.clearErr = nil
		w.with(1, func(r *row) { r.alarm = false })
		w.settle()
		w.with(1, func(r *row) { r.alarm = true })
		w.settle()
		w.wantRestarts("nginx", 2)
		if left := k.left(); len(left) != 0 {
			t.Errorf("still kept: %v", left)
		}
	})
}

func TestWhatEndsIsNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		k := w.keeps()
		w.raise(1, "good")
		w.raise(2, "bad")
		w.raise(3, "gone")
		w.check = func(_ context.Context, o Order) error {
			switch o.Process.Name {
			case "bad":
				return errBroken
			case "gone":
				w.with(3, func(r *row) { r.alarm = false })
			}
			return nil
		}
		w.settle()
		w.settle()
		if left := k.left(); len(left) != 0 {
			t.Errorf("still kept: %v", left)
		}
	})
}

func TestAnAttemptWhoseEndWasNotSeenIsNotRepeatedBlindly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "[process.nginx]\nmax_attempts = 1\n")
		w.runsOfRestarts()
		var orders []Order
		w.restart = func(_ context.Context, o Order) error {
			orders = append(orders, o)
			if len(orders) < 3 {
				return fmt.Errorf("the bus was lost: %w", ErrUnsure)
			}
			return nil
		}
		w.raise(1, "nginx")
		for range 3 { // each a recovery of its own
			w.settle()
		}
		for i, o := range orders {
			if o.Unsure != (i > 0) || !slices.Equal(o.Before, []string{"run 0"}) {
				t.Errorf("order %d: unsure %t, before %v", i, o.Unsure, o.Before)
			}
		}
		if w.inAlarm(1) {
			t.Error("the alarm still stands")
		}
	})
}

func TestAHandoverThatCannotBeKeptStopsNothingAndIsToldInAndOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		k := w.keeps()
		k.err = errors.New("no space left on device")
		for i := range int64(3) {
			w.raise(i, fmt.Sprint("p", i))
		}
		w.settle()
		synctest.Wait()
		for i := range int64(3) {
			if w.inAlarm(i) {
				t.Errorf("the alarm of p%d still stands", i)
			}
		}
		if n := w.count(HandoverFailed); n != 1 {
			t.Errorf("told %d times, want once", n)
		}
		k.err = nil
		for i := range int64(3) {
			w.raise(i, fmt.Sprint("q", i))
		}
		w.settle()
		synctest.Wait()
		if in, out := w.count(HandoverFailed), w.count(HandoverWorks); in != 1 || out != 1 {
			t.Errorf("told %d times that it fails and %d times that it works again, want once each", in, out)
		}
	})
}
