package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
)

// outage makes all that needs systemd fail until it is over. How long it lasts
// counts from the first call that finds it.
type outage struct {
	w     *world
	lasts time.Duration
	began time.Time
}

func (o *outage) err() error {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	if o.began.IsZero() {
		o.began = time.Now()
	}
	if time.Since(o.began) < o.lasts {
		return Away(errBroken)
	}
	return nil
}

func (o *outage) resolve(p config.Process) (Target, error) {
	return Target{Strategy: config.StrategyService, Unit: p.Name + ".service"}, o.err()
}

// breakerOf is what the engine has of the process's breaker.
func (w *world) breakerOf(process string) breaker.Snapshot {
	w.t.Helper()
	for _, s := range w.engine.Status() {
		if s.Process == process {
			return s.Breaker
		}
	}
	return breaker.Snapshot{State: breaker.Closed}
}

func (w *world) wantNoFailure(process string) {
	w.t.Helper()
	if b := w.breakerOf(process); b.State != breaker.Closed || b.Failures != 0 {
		w.t.Errorf("its breaker is %s with %d failures", b.State, b.Failures)
	}
	for _, kind := range []Kind{RecoveryFailed, Flapped, BreakerOpened} {
		if n := w.count(kind); n != 0 {
			w.t.Errorf("%d × %s", n, kind)
		}
	}
}

func TestAShortOutageOfSystemdIsSatOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		out := &outage{w: w, lasts: 4 * time.Second}
		w.resolve = out.resolve
		w.raise(1, "nginx")
		w.settle()
		w.wantRestarts("nginx", 1)
		if w.inAlarm(1) {
			t.Error("it is still in alarm")
		}
		w.wantNoFailure("nginx")
	})
}

// A host that has lost its message bus must not open the breakers of everything
// that is in alarm.
func TestALongOutageOfSystemdCountsAgainstNobodyAndIsSaidOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 2\n")
		out := &outage{w: w, lasts: 10 * time.Minute}
		w.resolve = out.resolve
		w.raise(1, "nginx")
		for range 7 {
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("nginx", 0)
		w.wantKinds("nginx", AlarmFound, NotActing)
		if got := w.reasons("nginx"); !slices.Equal(got, []Reason{ReasonAway}) {
			t.Errorf("it says %v", got)
		}
		w.wantNoFailure("nginx")
		time.Sleep(4 * time.Minute)
		w.settle()
		w.wantRestarts("nginx", 1)
	})
}

func TestAProcessThatNobodyCouldLookAtIsNotRestartedAgain(t *testing.T) {
	for name, lasts := range map[string]time.Duration{"short": 3 * time.Second, "beyond this recovery": 3 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, "")
				out := &outage{w: w, lasts: lasts}
				w.resolve = func(p config.Process) (Target, error) {
					if out.began.IsZero() { // it begins with the check
						return Target{Strategy: config.StrategyService, Unit: p.Name + ".service"}, nil
					}
					return out.resolve(p)
				}
				w.check = func(context.Context, Order) error { return out.err() }
				w.raise(1, "nginx")
				for range 6 {
					w.settle()
					time.Sleep(time.Minute)
				}
				w.wantRestarts("nginx", 1)
				if w.inAlarm(1) {
					t.Error("it is still in alarm")
				}
				if n, want := w.count(RecoveryPostponed), 0; lasts < awayLimit && n != want || lasts > awayLimit && n != 1 {
					t.Errorf("%d recoveries were postponed", n)
				}
				if told := w.reasons("nginx"); len(told) != 0 {
					t.Errorf("the postponed one is told again: %v", told)
				}
				w.wantNoFailure("nginx")
			})
		})
	}
}

func TestAPreparationThatCouldNotBeRunIsNoFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 1\n")
		out := &outage{w: w, lasts: 90 * time.Second}
		w.prepare = func(Order) error { return out.err() }
		w.raise(1, "nginx")
		for range 4 {
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("nginx", 1)
		w.wantNoFailure("nginx")
	})
}

// A restart that loses systemd each time, as that of the message bus itself may,
// is made no more often than any other, however long it takes.
func TestARestartThatLosesSystemdIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		more         string
		takes, lasts time.Duration
		most         int
	}{
		"at once":             {"", 0, 0, 2 * 3},
		"rarely tried":        {"restart_delay = 30\n", 0, 0, 2 * 3},
		"slow":                {"", 30 * time.Second, 0, 2 * 3},
		"and does not return": {"", 0, 30 * time.Second, 2 * 3},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, "max_restart_failures = 2\n[process.default]\nmax_attempts = 3\n"+c.more)
				out := &outage{w: w, lasts: c.lasts, began: time.Now().Add(-time.Hour)}
				w.resolve = out.resolve
				w.restart = func(context.Context, Order) error {
					time.Sleep(c.takes)
					w.mu.Lock()
					out.began = time.Now()
					w.mu.Unlock()
					return Away(errors.Join(errBroken, ErrUnsure))
				}
				w.raise(1, "dbus")
				for range 25 {
					w.settle()
					time.Sleep(time.Minute)
				}
				if n := w.restarted("dbus"); n > c.most {
					t.Errorf("it was restarted %d times, at most %d are right", n, c.most)
				}
				if w.count(BreakerOpened) == 0 {
					t.Error("its breaker has not opened")
				}
			})
		})
	}
}

// Many that wait for systemd leave their places to those that do not need it.
func TestAnOutageOfSystemdHoldsUpNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 2\n[process.own]\nrestart_strategy = custom\nrestart_command = true\n")
		w.resolve = func(p config.Process) (Target, error) {
			if p.Name == "own" {
				return Target{Strategy: config.StrategyCustom, Command: "true"}, nil
			}
			return Target{}, Away(errBroken)
		}
		for id := range int64(40) {
			w.raise(id+1, fmt.Sprint("unit-", id+1))
		}
		w.raise(100, "own")
		began := time.Now()
		w.settle()
		w.wantRestarts("own", 1)
		if took := time.Since(began); took > 3*awayLimit {
			t.Errorf("it took %s", took)
		}
	})
}

// The time in which nothing could be found out is not the attempts'.
func TestALossAfterAnotherHasItsOwnWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		out := &outage{w: w, lasts: awayLimit - time.Second}
		w.resolve = out.resolve
		unseen := 5
		w.check = func(context.Context, Order) error {
			if unseen--; unseen > 0 {
				return Away(errBroken)
			}
			return nil
		}
		w.raise(1, "nginx")
		w.settle()
		if n := w.count(RecoveryPostponed); n != 0 || w.inAlarm(1) {
			t.Errorf("%d postponed, in alarm: %t", n, w.inAlarm(1))
		}
	})
}

// A restart that failed before it touched anything is no attempt.
func TestARestartThatTouchedNothingIsNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 1\n")
		failing := 5
		w.restart = func(context.Context, Order) error {
			if failing--; failing > 0 {
				return Away(errBroken)
			}
			return nil
		}
		w.raise(1, "nginx")
		w.settle()
		if w.inAlarm(1) || w.count(AttemptFailed) != 0 {
			t.Errorf("in alarm: %t, %d attempts failed", w.inAlarm(1), w.count(AttemptFailed))
		}
		w.wantNoFailure("nginx")
	})
}

// What is restarted and cannot be cleared is looked at again; a look that could
// not be taken has not seen it fall.
func TestAnOwedWriteBackOutlastsALookThatCouldNotBeTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.clearErr = func(string) error { return errBroken }
		looks := 0
		w.check = func(context.Context, Order) error {
			if looks++; looks == 2 {
				return Away(errBroken)
			}
			return nil
		}
		w.raise(1, "nginx")
		for range 45 {
			w.settle()
			time.Sleep(time.Minute)
		}
		if looks < 3 {
			t.Errorf("it was looked at %d times", looks)
		}
		w.wantRestarts("nginx", 1)
		w.wantNoFailure("nginx")
	})
}

func TestAStopDoesNotWaitForSystemd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		out := &outage{w: w, lasts: time.Hour}
		w.resolve = out.resolve
		w.raise(1, "nginx")
		w.poll()
		began := time.Now()
		w.engine.Stop(t.Context())
		if took := time.Since(began); took > awayPause {
			t.Errorf("it took %s", took)
		}
	})
}
