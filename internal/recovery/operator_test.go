package recovery

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
)

func TestPausedProcessIsLeftAloneUntilItsTimeIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.engine.Pause("nginx", Pause{Since: time.Now(), Until: time.Now().Add(time.Hour), By: "root"})
		w.raise(1, "nginx")
		w.raise(2, "redis")
		w.settle()
		w.settle()
		w.wantRestarts("nginx", 0)
		w.wantRestarts("redis", 1)
		if r := w.reasons("nginx"); !slices.Equal(r, []Reason{ReasonPaused}) {
			t.Errorf("told %v, want paused once", r)
		}
		time.Sleep(time.Hour)
		w.settle()
		w.wantRestarts("nginx", 1)
	})
}

func TestPauseOfAllAndResume(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.engine.Pause("", Pause{Since: time.Now(), By: "root"})
		w.raise(1, "nginx")
		time.Sleep(1000 * time.Hour)
		w.settle()
		w.wantRestarts("nginx", 0)
		if !w.engine.Resume("") || w.engine.Resume("") {
			t.Error("resume does not say whether there was a pause")
		}
		w.settle()
		w.wantRestarts("nginx", 1)
	})
}

func TestPauseTakesOutOfTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n")
		release := make(chan struct{})
		w.restart = func(context.Context, Order) error { <-release; return nil }
		w.raise(1, "first")
		w.raise(2, "second")
		w.poll()
		w.engine.Pause("second", Pause{Since: time.Now(), By: "root"})
		close(release)
		synctest.Wait()
		w.wantRestarts("second", 0)
	})
}

func TestResetClosesTheBreaker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 1\n[process.default]\nmax_attempts = 1\n")
		w.restart = always(errBroken)
		w.raise(1, "bad")
		w.settle()
		w.settle()
		w.wantRestarts("bad", 1)
		if !w.engine.Reset("bad") || w.engine.Reset("bad") || w.engine.Reset("unknown") {
			t.Error("reset does not say whether there was anything to forget")
		}
		w.settle()
		w.wantRestarts("bad", 2)
	})
}

func TestOperatorsRestartTakesTheAlarmsPath(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		if _, err := w.engine.Restart("quiet", Operator{}, false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.wantKinds("quiet", OperatorRestart, RecoveryStarted, Restarted, HealthPassed, RecoverySucceeded)
		if len(w.clears) != 0 {
			t.Error("an alarm that is none was cleared")
		}

		w.raise(1, "loud")
		w.engine.Pause("loud", Pause{Since: time.Now(), By: "root"})
		w.settle()
		if _, err := w.engine.Restart("loud", Operator{}, false); !isRefusal(err, ReasonPaused) {
			t.Errorf("a paused process: %v", err)
		}
		if _, err := w.engine.Restart("loud", Operator{}, true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.wantRestarts("loud", 1)
		if w.inAlarm(1) {
			t.Error("the alarm of the process was not cleared")
		}
	})
}

func TestForcedRestartIsAnEarlyTrial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 1\n[process.default]\nmax_attempts = 1\n")
		w.restart = always(errBroken)
		w.raise(1, "bad")
		w.settle()
		if _, err := w.engine.Restart("bad", Operator{}, false); !isRefusal(err, ReasonBreakerOpen) {
			t.Errorf("an open breaker: %v", err)
		}
		w.restart = nil
		if _, err := w.engine.Restart("bad", Operator{}, true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := w.engine.Status(); len(s) != 1 || s[0].Breaker.State != breaker.Closed {
			t.Errorf("after a good forced restart: %+v", s)
		}
	})
}

func TestRestartThatIsUnderWayIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		release := make(chan struct{})
		w.restart = func(context.Context, Order) error { <-release; return nil }
		if _, err := w.engine.Restart("slow", Operator{}, false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.engine.Restart("slow", Operator{}, true); !isRefusal(err, ReasonRunning) {
			t.Errorf("a second one: %v", err)
		}
		if _, err := w.engine.Restart("x; reboot", Operator{}, true); !isRefusal(err, ReasonUnsafeName) {
			t.Errorf("a hostile name: %v", err)
		}
		close(release)
		synctest.Wait()
		w.wantRestarts("slow", 1)
	})
}

func TestEventsOfOneRecoveryCarryItsNumberAndWhoAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		alice := Operator{Name: "alice", UID: 1000, PID: 42}
		first, err := w.engine.Restart("quiet", alice, false)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		second, err := w.engine.Restart("quiet", alice, false)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if first == 0 || first == second {
			t.Fatalf("numbers %d and %d", first, second)
		}
		kinds := map[uint64][]Kind{}
		for _, ev := range w.events {
			kinds[ev.Recovery] = append(kinds[ev.Recovery], ev.Kind)
			if ev.By != alice {
				t.Errorf("%s is by %+v", ev.Kind, ev.By)
			}
		}
		want := []Kind{OperatorRestart, RecoveryStarted, Restarted, HealthPassed, RecoverySucceeded}
		if !slices.Equal(kinds[first], want) || !slices.Equal(kinds[second], want) {
			t.Errorf("told %v", kinds)
		}
	})
}

func TestRefusedRestartIsToldEachTimeToWhoAsks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.resolve = func(config.Process) (Target, error) {
			return Target{}, &Refusal{Reason: ReasonMasked, Detail: "masked"}
		}
		w.raise(1, "nginx")
		w.settle()
		for want := 2; want < 4; want++ {
			number, err := w.engine.Restart("nginx", Operator{Name: "root"}, false)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if told := w.reasons("nginx"); len(told) != want {
				t.Errorf("told %v, want %d times", told, want)
			}
			if last := w.events[len(w.events)-1]; last.Recovery != number || last.Kind != NotActing {
				t.Errorf("the last event is %+v, want that of recovery %d", last, number)
			}
		}
	})
}

func TestRestartThatWaitsWhenTheDaemonStopsIsToldInterrupted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n")
		release := make(chan struct{})
		w.restart = func(context.Context, Order) error { <-release; return nil }
		w.raise(1, "first")
		w.poll()
		if _, err := w.engine.Restart("second", Operator{}, false); err != nil {
			t.Fatal(err)
		}
		go w.engine.Stop(t.Context())
		synctest.Wait()
		w.wantKinds("second", OperatorRestart, RecoveryInterrupted)
		close(release)
	})
}

func TestOperatorsRestartIsARestartWhateverWasDoneBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.clearErr = func(string) error { return ErrReadOnly }
		w.raise(1, "p")
		w.settle() // restarted and verified, its owner has not cleared it
		for want := 2; want < 4; want++ {
			if _, err := w.engine.Restart("p", Operator{}, false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			w.wantRestarts("p", want)
		}
		// Nor is one without an alarm taken for the next one.
		for want := 1; want < 3; want++ {
			if _, err := w.engine.Restart("q", Operator{}, false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			w.wantRestarts("q", want)
		}
		w.raise(2, "q")
		w.settle()
		w.wantRestarts("q", 3)
	})
}

func isRefusal(err error, reason Reason) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Reason == reason
}
