package recovery

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watching makes the checks of a world last, and counts those under way.
func (w *world) watching(long time.Duration, check func(o Order) error) (most *atomic.Int64) {
	var now atomic.Int64
	most = new(atomic.Int64)
	w.watches = true
	w.check = func(ctx context.Context, o Order) error {
		n := now.Add(1)
		defer now.Add(-1)
		most.Store(max(most.Load(), n))
		if !pause(ctx, long) {
			return ctx.Err()
		}
		return check(o)
	}
	return most
}

func passes(Order) error { return nil }

func TestARecoveryThatOnlyWatchesTakesNoPlace(t *testing.T) {
	for _, watches := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, "max_parallel_restarts = 2\n")
			w.watching(10*time.Second, passes)
			w.watches = watches
			w.restart = func(context.Context, Order) error { time.Sleep(time.Second); return nil }
			for i := range int64(6) {
				w.raise(i, fmt.Sprint("p", i))
			}
			begin := time.Now()
			w.settle()
			want := 3*time.Second + 10*time.Second // three restarts one after the other, then the last check
			if !watches {
				want = 3 * 11 * time.Second
			}
			if took := time.Since(begin).Truncate(time.Second); took != want {
				t.Errorf("watches %t: took %s, want %s", watches, took, want)
			}
			if w.most != 2 {
				t.Errorf("watches %t: %d restarts at once, want 2", watches, w.most)
			}
		})
	}
}

func TestAnotherAttemptTakesAPlaceAgainAndGoesBeforeTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n[process.default]\nmax_attempts = 2\nrestart_delay = 0\n")
		w.watching(2500*time.Millisecond, func(o Order) error {
			if o.Attempt == 1 && o.Process.Name == "p0" {
				return errBroken
			}
			return nil
		})
		w.restart = func(context.Context, Order) error { time.Sleep(time.Second); return nil }
		for i := range int64(8) {
			w.raise(i, fmt.Sprint("p", i))
		}
		w.settle()
		if w.most != 1 {
			t.Errorf("%d restarts at once, want 1", w.most)
		}
		// p0 is restarted in the first second and watched until 3.5 s, in the
		// middle of p3's restart. The next place is p0's.
		begun := w.restarts["p0"][0]
		if len(w.restarts["p0"]) != 2 || w.restarts["p0"][1].Sub(begun) != 4*time.Second || w.restarts["p4"][0].Sub(begun) != 5*time.Second {
			t.Errorf("p0 was restarted at %v, p4 at %v", w.restarts["p0"], w.restarts["p4"])
		}
	})
}

func TestWatchersAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 3\n")
		most := w.watching(time.Minute, passes)
		for i := range int64(2 * maxWatching) {
			w.raise(i, fmt.Sprint("p", i))
		}
		w.settle()
		if got := most.Load(); got != maxWatching+3 {
			t.Errorf("%d checks at once, want those that are allowed beside 3 places", got)
		}
		if p := w.engine.places; p.taken != 0 || p.watching != 0 || len(p.returning) != 0 {
			t.Errorf("at the end %+v", p)
		}
	})
}

func TestStoppingEndsThoseWhoWatchAndThoseWhoWaitForAPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n[process.default]\nrestart_delay = 0\n")
		w.watching(5*time.Second, func(o Order) error {
			if o.Process.Name == "p0" {
				return errBroken
			}
			return nil
		})
		w.restart = func(ctx context.Context, o Order) error {
			if o.Process.Name == "p1" {
				<-ctx.Done() // which holds the only place
			}
			return ctx.Err()
		}
		for i := range int64(2) {
			w.raise(i, fmt.Sprint("p", i))
		}
		w.poll()
		time.Sleep(6 * time.Second) // p0 waits for p1's place
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.engine.Stop(ctx)
		synctest.Wait()
		kinds := w.kinds("p0")
		if kinds[len(kinds)-1] != RecoveryInterrupted {
			t.Errorf("p0 ended with %v", kinds)
		}
		w.wantRestarts("p0", 1)
		if p := w.engine.places; p.taken != 0 || p.watching != 0 || len(p.returning) != 0 {
			t.Errorf("at the end %+v", p)
		}
	})
}

func TestASecondAttemptIsMadeWhileTheDaemonStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n[process.default]\nrestart_delay = 0\n")
		w.watching(5*time.Second, func(o Order) error {
			if o.Attempt == 1 {
				return errBroken
			}
			return nil
		})
		w.raise(1, "nginx")
		w.poll()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w.engine.Stop(ctx)
		if kinds := w.kinds("nginx"); !slices.Contains(kinds, RecoverySucceeded) {
			t.Errorf("it ended with %v", kinds)
		}
	})
}
