package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/config"
)

// bubble runs a test in a bubble of its own, where time is not real.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestAlarmIsRecoveredAndCleared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.raise(1, "nginx")
		w.settle()
		w.settle()
		w.wantKinds("nginx", AlarmFound, RecoveryStarted, Restarted, HealthPassed, RecoverySucceeded, Cleared)
		if w.inAlarm(1) {
			t.Error("the alarm still stands")
		}
		w.wantRestarts("nginx", 1)
	})
}

func TestRowsOfOneNameAreOneRecovery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.raise(1, "nginx")
		w.raise(2, "nginx")
		w.settle()
		w.wantRestarts("nginx", 1)
		if w.inAlarm(1) || w.inAlarm(2) {
			t.Error("a row still stands")
		}
	})
}

func TestOneRecoveryOfAProcessAtATimeAndPollsGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		release := make(chan struct{})
		w.restart = func(context.Context, Order) error { <-release; return nil }
		w.raise(1, "slow")
		for range 5 {
			w.poll()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("slow", 1)
		close(release)
		w.settle()
		w.wantRestarts("slow", 1)
		w.wantKinds("slow", AlarmFound, RecoveryStarted, Restarted, HealthPassed, RecoverySucceeded, Cleared)
	})
}

func TestPoolIsBoundedAndTakenByPriority(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 2\n[process.late]\npriority = 9\n")
		w.restart = func(context.Context, Order) error { time.Sleep(time.Second); return nil }
		for i := range int64(6) {
			w.raise(i, fmt.Sprint("p", i))
		}
		w.raise(99, "late")
		w.settle()
		if w.most != 2 {
			t.Errorf("%d restarts at once, want 2", w.most)
		}
		first := slices.IndexFunc(w.events, func(ev Event) bool { return ev.Kind == RecoveryStarted })
		var started []string
		for _, ev := range w.events[first:] {
			if ev.Kind == RecoveryStarted {
				started = append(started, ev.Process)
			}
		}
		if !slices.Contains(started[:2], "late") {
			t.Errorf("the one of high priority did not go first: %v", started)
		}
	})
}

func TestHungRecoveryDelaysNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.check = func(ctx context.Context, o Order) error {
			if o.Process.Name == "hung" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		w.raise(0, "hung")
		for i := range int64(50) {
			w.raise(i+1, fmt.Sprint("p", i))
		}
		begin := time.Now()
		w.poll()
		for i := range int64(50) {
			if w.inAlarm(i + 1) {
				t.Errorf("p%d still waits after %v", i, time.Since(begin))
			}
		}
	})
}

func TestAttemptsAndTheirPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "[process.bad]\nmax_attempts = 3\nrestart_delay = 7\n")
		w.restart = always(errBroken)
		w.raise(1, "bad")
		w.settle()
		times := w.restarts["bad"]
		if len(times) != 3 || times[1].Sub(times[0]) != 7*time.Second || times[2].Sub(times[1]) != 7*time.Second {
			t.Errorf("attempts at %v", times)
		}
		w.wantKinds("bad", AlarmFound, RecoveryStarted, AttemptFailed, AttemptFailed, AttemptFailed, RecoveryFailed)
		if !w.inAlarm(1) {
			t.Error("a failed recovery cleared the alarm")
		}
	})
}

func TestPermanentErrorEndsTheAttempts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.restart = always(fmt.Errorf("no such user: %w", ErrPermanent))
		w.raise(1, "bad")
		w.settle()
		w.wantRestarts("bad", 1)
	})
}

func TestSecondAttemptMayPass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.check = func(_ context.Context, o Order) error {
			if o.Attempt == 1 {
				return errBroken
			}
			return nil
		}
		w.raise(1, "shy")
		w.settle()
		w.wantKinds("shy", AlarmFound, RecoveryStarted, Restarted, AttemptFailed,
			Restarted, HealthPassed, RecoverySucceeded, Cleared)
	})
}

func TestPreRestartFailureMakesNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 1\n")
		w.prepare = func(Order) error { return errBroken }
		w.raise(1, "bad")
		w.settle()
		w.wantRestarts("bad", 0)
		w.wantKinds("bad", AlarmFound, RecoveryStarted, RecoveryFailed, BreakerOpened)
	})
}

func TestBreakerOpensTriesOnceAndCloses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 3\ncircuit_reset_time = 1800\n[process.default]\nmax_attempts = 1\n")
		w.restart = always(errBroken)
		w.raise(1, "bad")
		for range 20 { // 20 minutes
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("bad", 3)
		if n := len(w.reasons("bad")); n != 0 {
			t.Errorf("the open breaker was told %d times more than once", n)
		}
		for range 20 { // 40 minutes
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("bad", 4) // the one trial
		w.restart = nil
		time.Sleep(31 * time.Minute)
		w.settle()
		w.wantRestarts("bad", 5)
		kinds := w.kinds("bad")
		if want := []Kind{RecoveryStarted, BreakerHalfOpen, Restarted, HealthPassed, RecoverySucceeded, BreakerClosed, Cleared}; !slices.Equal(kinds[len(kinds)-len(want):], want) {
			t.Errorf("the good trial: got %v", kinds)
		}
	})
}

func TestFlappingOpensTheBreaker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 3\nstable_time = 600\n")
		for range 8 { // 40 minutes: the trial is not due yet
			w.raise(1, "flap")
			w.settle()
			time.Sleep(5 * time.Minute)
		}
		// A first restart, and after each of the two flaps that are
		// below the limit another one.
		w.wantRestarts("flap", 3)
		if n := w.count(Flapped); n != 3 {
			t.Errorf("%d flaps told, want 3", n)
		}
	})
}

func TestSteadyProcessIsNoFlapping(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 3\nstable_time = 600\n")
		for range 10 {
			w.raise(1, "weekly")
			w.settle()
			time.Sleep(11 * time.Minute)
		}
		w.wantRestarts("weekly", 10)
	})
}

func TestPollOlderThanTheRecoveryIsNotBelieved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.raise(1, "nginx")
		stale, at := w.read(), time.Now()
		time.Sleep(time.Millisecond)
		w.settle()
		w.engine.Cycle(at, stale)
		w.settle()
		w.wantRestarts("nginx", 1)
		if n := w.count(Flapped); n != 0 {
			t.Error("the stale row was taken for an alarm that came back")
		}
	})
}

func TestAlarmAcknowledgedWhileQueuedIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n")
		w.restart = func(context.Context, Order) error { time.Sleep(time.Hour); return nil }
		w.raise(1, "first")
		w.raise(2, "second")
		w.poll()
		w.with(2, func(r *row) { r.sound = true })
		time.Sleep(2 * time.Hour) // no poll in between: the recovery looks itself
		synctest.Wait()
		w.wantRestarts("second", 0)
		w.wantKinds("second", AlarmFound, AlarmGone)
	})
}

func TestAlarmGoneWhileQueuedIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n")
		release := make(chan struct{})
		w.restart = func(context.Context, Order) error { <-release; return nil }
		w.raise(1, "first")
		w.raise(2, "second")
		w.poll()
		w.with(2, func(r *row) { r.alarm = false })
		time.Sleep(time.Millisecond)
		w.poll()
		if s := w.engine.Summary(); s.Queued != 0 || s.Alarms != 1 {
			t.Errorf("after the alarm has gone: %+v", s)
		}
		close(release)
		w.settle()
		w.wantRestarts("second", 0)
	})
}

func TestDatabaseThatDoesNotAnswerStopsNoRecovery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.standingErr = func(string) error { return errBroken }
		w.raise(1, "mariadb")
		w.settle()
		w.wantRestarts("mariadb", 1)
	})
}

func TestFailedWriteBackIsRetriedAndNeverRestartsAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.clearErr = func(string) error { return errBroken }
		w.raise(1, "nginx")
		for range 30 {
			w.poll()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("nginx", 1)
		if n := w.count(WriteBackFailed); n != 1 {
			t.Errorf("the failing write-back was told %d times", n)
		}
		w.mu.Lock()
		w.clearErr = nil
		w.mu.Unlock()
		time.Sleep(time.Minute) // no poll: it is retried on its own
		synctest.Wait()
		if w.inAlarm(1) {
			t.Error("the alarm was not cleared once the database took it")
		}
		w.wantRestarts("nginx", 1)
	})
}

func TestOneStubbornRowHoldsUpNoOtherWriteBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.clearErr = func(process string) error {
			if process < "c" {
				return errBroken
			}
			return nil
		}
		for i, name := range []string{"a", "b", "b2", "c", "d"} {
			w.raise(int64(i), name)
		}
		w.poll()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if w.inAlarm(3) || w.inAlarm(4) {
			t.Error("a good row waits behind the stubborn ones")
		}
	})
}

func TestTouchedRowIsNotCleared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.restart = func(context.Context, Order) error {
			w.with(1, func(r *row) { r.notes = "raised again" })
			return nil
		}
		w.raise(1, "nginx")
		w.settle()
		if !w.inAlarm(1) {
			t.Error("an alarm raised again after the restart began was cleared")
		}
		if w.count(Superseded) != 1 {
			t.Errorf("events: %v", w.kinds("nginx"))
		}
	})
}

func TestReadOnlyWaitsForTheOwner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 2\n")
		w.clearErr = func(string) error { return fmt.Errorf("denied: %w", ErrReadOnly) }
		w.raise(1, "nginx")
		w.raise(2, "redis")
		w.settle()
		if n := w.count(WriteBackRefused); n != 1 {
			t.Errorf("read-only was told %d times, want once", n)
		}
		for range 14 { // below clear_timeout, 15 minutes
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("nginx", 1)
		if r := w.reasons("nginx"); !slices.Equal(r, []Reason{ReasonNotYetCleared}) {
			t.Errorf("told %v, want not_yet_cleared once", r)
		}
		// The owner clears one of them; the other one counts as a restart
		// that did not help, again and again, until its breaker opens.
		w.with(2, func(r *row) { r.alarm = false })
		for range 120 {
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("redis", 1)
		w.wantRestarts("nginx", 4) // twice, then a trial each half hour that is due
	})
}

func TestClearAlarmOffIsReadOnlyFromTheStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &world{t: t, rows: map[int64]*row{}, restarts: map[string][]time.Time{}, clears: map[string][]time.Time{}, underWay: map[string]int{}}
		w.engine = New(parse(t, baseConfig[:len(baseConfig)-len("[monitor]\ncheck_interval = 60\n")]+"clear_alarm = no\n"), w, w, w, w.record)
		defer w.engine.Stop(context.Background())
		w.raise(1, "nginx")
		w.settle()
		w.settle()
		w.wantRestarts("nginx", 1)
		if len(w.clears) != 0 || w.count(WriteBackRefused) != 1 {
			t.Errorf("clears %v, told %d times", w.clears, w.count(WriteBackRefused))
		}
	})
}

func TestRefusalTouchesNothingAndIsToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 1\n")
		w.resolve = func(config.Process) (Target, error) {
			return Target{}, &Refusal{Reason: ReasonMasked, Detail: `unit "x.service" is masked`}
		}
		w.raise(1, "x")
		for range 5 {
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("x", 0)
		w.wantKinds("x", AlarmFound, NotActing)
		w.resolve = nil
		w.settle()
		w.wantRestarts("x", 1)
	})
}

func TestNamesThatAreNotActedUpon(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "unconfigured_processes = default\n")
		for i, name := range []string{"", "a b", "$(reboot)", "-rf", "../x", "a\nb", ".hidden"} {
			w.raise(int64(i), name)
		}
		w.settle()
		w.settle()
		if len(w.restarts) != 0 {
			t.Errorf("restarted: %v", w.restarts)
		}
		if r := w.reasons(""); !slices.Equal(r, []Reason{ReasonNoName}) {
			t.Errorf("the nameless row: %v", r)
		}
		if r := w.reasons("$(reboot)"); !slices.Equal(r, []Reason{ReasonUnsafeName}) {
			t.Errorf("the hostile name: %v", r)
		}
	})
}

func TestUnconfiguredIgnored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "unconfigured_processes = ignore\n[process.known]\npriority = 1\n")
		w.raise(1, "known")
		w.raise(2, "stranger")
		w.settle()
		w.wantRestarts("known", 1)
		w.wantRestarts("stranger", 0)
		if r := w.reasons("stranger"); !slices.Equal(r, []Reason{ReasonIgnored}) {
			t.Errorf("told %v", r)
		}
	})
}

func TestCapHoldsBackTheRest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restarts_per_cycle = 2\n[process.p4]\npriority = 5\n")
		for i := range int64(5) {
			w.raise(i, fmt.Sprint("p", i))
		}
		w.settle()
		if w.restarted("p4") != 1 || w.restarted("p0") != 1 || len(w.restarts) != 2 {
			t.Errorf("the first poll restarted %v", w.restarts)
		}
		if w.count(CapReached) != 1 {
			t.Errorf("the cap was told %d times", w.count(CapReached))
		}
		w.settle()
		w.settle()
		if len(w.restarts) != 5 {
			t.Errorf("after three polls: %v", w.restarts)
		}
	})
}

func TestDryRunSaysAndTouchesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "dry_run = yes\n")
		w.raise(1, "nginx")
		w.settle()
		w.settle()
		w.wantRestarts("nginx", 0)
		w.wantKinds("nginx", AlarmFound, NotActing)
		if ev := w.events[len(w.events)-1]; ev.Reason != ReasonDryRun || ev.Target.Unit != "nginx.service" {
			t.Errorf("told %+v", ev)
		}
	})
}

func TestReloadKeepsBreakersAndRecoveries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 1\n[process.default]\nmax_attempts = 1\n")
		w.restart = always(errBroken)
		w.raise(1, "bad")
		w.settle()
		release := make(chan struct{})
		w.restart = func(context.Context, Order) error { <-release; return nil }
		w.raise(2, "slow")
		w.poll()
		w.engine.Reconfigure(parse(t, baseConfig+"max_restart_failures = 5\n"), w, false)
		w.poll()
		w.wantRestarts("bad", 1)
		if s := w.engine.Summary(); s.OpenBreakers != 1 || s.Running != 1 {
			t.Errorf("after the reload: %+v", s)
		}
		close(release)
		w.settle()
		w.wantRestarts("slow", 1)
	})
}

func TestWaitingProcessIsQueuedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n")
		w.restart = func(context.Context, Order) error { time.Sleep(10 * time.Minute); return nil }
		w.raise(1, "first")
		w.raise(2, "second")
		for range 5 {
			w.poll()
			time.Sleep(time.Minute)
		}
		if s := w.engine.Summary(); s.Queued != 1 {
			t.Errorf("after five polls: %+v", s)
		}
		w.settle()
		w.wantRestarts("second", 1)
	})
}

func TestMoreImportantAlarmOvertakesTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n[process.important]\npriority = 1\n")
		w.restart = func(context.Context, Order) error { time.Sleep(time.Minute); return nil }
		w.raise(1, "first")
		w.raise(2, "second")
		w.poll()
		w.raise(3, "important")
		time.Sleep(time.Second)
		w.settle()
		if a, b := w.restarts["important"][0], w.restarts["second"][0]; a.After(b) {
			t.Error("the important one waited for one that came before it")
		}
	})
}

// TestTrialIsNotLost opens a breaker, lets its reset time pass, and takes the
// trial away before it has touched anything: it must be free for the next
// poll.
func TestTrialIsNotLost(t *testing.T) {
	for name, take := range map[string]func(w *world){
		"the alarm goes while it waits": func(w *world) {
			release := make(chan struct{})
			w.restart = func(context.Context, Order) error { <-release; return nil }
			w.raise(2, "other")
			w.poll()
			w.poll() // the trial waits for the other one
			w.with(1, func(r *row) { r.alarm = false })
			time.Sleep(time.Second)
			w.poll()
			close(release)
			synctest.Wait()
			w.with(1, func(r *row) { r.alarm = true })
		},
		"it is refused": func(w *world) {
			w.resolve = func(config.Process) (Target, error) { return Target{}, &Refusal{Reason: ReasonMasked} }
			w.settle()
			w.resolve = nil
		},
		"the cap is reached": func(w *world) {
			w.raise(0, "before") // of a lower process_id
			w.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, "max_restart_failures = 1\nmax_parallel_restarts = 1\nmax_restarts_per_cycle = 1\n"+
					"[process.default]\nmax_attempts = 1\n[process.other]\npriority = 1\n")
				w.restart = always(errBroken)
				w.raise(1, "bad")
				w.settle()
				w.wantRestarts("bad", 1)
				w.restart = nil
				time.Sleep(time.Hour)
				take(w)
				w.wantRestarts("bad", 1)
				w.settle()
				w.wantRestarts("bad", 2)
			})
		})
	}
}

func TestCapIsToldOnceAsLongAsItHolds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restarts_per_cycle = 1\n")
		for i := range int64(5) {
			w.raise(i, fmt.Sprint("p", i))
		}
		for range 6 {
			w.settle()
		}
		if n := w.count(CapReached); n != 1 {
			t.Errorf("it was told %d times", n)
		}
		w.raise(1, "p1")
		w.raise(2, "p2")
		time.Sleep(time.Hour)
		w.settle()
		if n := w.count(CapReached); n != 2 {
			t.Errorf("the next time it was not told: %d", n)
		}
	})
}

func TestAlarmRaisedAgainBeforeTheRestartBeganIsCleared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n")
		w.restart = func(context.Context, Order) error { time.Sleep(time.Hour); return nil }
		w.raise(1, "first")
		w.raise(2, "second")
		w.poll()
		w.with(2, func(r *row) { r.notes = "still down" })
		if _, err := w.engine.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.inAlarm(2) {
			t.Error("the alarm stands though its last change came before the restart")
		}
	})
}

func TestDatabaseThatRefusesTwiceIsLeftInPeaceForAWhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		var tries atomic.Int64
		w.clearErr = func(string) error {
			tries.Add(1)
			return errBroken
		}
		for i := range int64(8) {
			w.raise(i, fmt.Sprint("p", i))
		}
		// All are restored at the same time, later than the first round.
		w.check = func(context.Context, Order) error { time.Sleep(time.Second); return nil }
		w.poll()
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		// Each restored process may wake the writer once more.
		if n := tries.Load(); n > 2*8 {
			t.Errorf("%d tries at once", n)
		}
		before := tries.Load()
		time.Sleep(time.Hour)
		if n := tries.Load() - before; n > 2*200 {
			t.Errorf("%d tries in an hour", n)
		}
	})
}

func TestOtherDatabaseOwesNothingToTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, other := newWorld(t, ""), newWorld(t, "")
		w.clearErr = func(string) error { return errBroken }
		w.raise(1, "nginx")
		other.raise(1, "nginx")
		w.settle()
		w.engine.Reconfigure(parse(t, baseConfig), other, true)
		w.mu.Lock()
		w.clearErr = nil
		w.mu.Unlock()
		time.Sleep(time.Hour)
		synctest.Wait()
		if !w.inAlarm(1) || !other.inAlarm(1) {
			t.Error("an alarm was cleared for a restart that another database asked for")
		}
	})
}

// TestReloadOfTheSameDatabaseForgetsNothing changes no more than a password,
// say: a new way to the same rows.
func TestReloadOfTheSameDatabaseForgetsNothing(t *testing.T) {
	for name, refusal := range map[string]error{"write-back owed": errBroken, "read-only": ErrReadOnly} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, "")
				w.clearErr = func(string) error { return refusal }
				w.raise(1, "nginx")
				for range 5 {
					w.settle()
					w.engine.Reconfigure(parse(t, baseConfig), w, false)
					time.Sleep(time.Minute)
				}
				w.wantRestarts("nginx", 1)
				if n := w.count(Flapped); n != 0 {
					t.Errorf("%d flaps told", n)
				}
			})
		})
	}
}

// TestProcessThatFallsWhileItsWriteBackIsOwed cannot be told by its row, which
// says that it is in alarm either way.
func TestProcessThatFallsWhileItsWriteBackIsOwed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restart_failures = 3\n")
		w.clearErr = func(string) error { return errBroken }
		w.raise(1, "nginx")
		for range 60 { // four times clear_timeout
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("nginx", 1)

		fallen := true
		w.check = func(context.Context, Order) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if fallen {
				return errBroken
			}
			return nil
		}
		w.restart = func(context.Context, Order) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			fallen = false
			return nil
		}
		for range 16 {
			w.settle()
			time.Sleep(time.Minute)
		}
		w.wantRestarts("nginx", 2)
		if n := w.count(Flapped); n != 1 {
			t.Errorf("%d flaps told", n)
		}
		w.mu.Lock()
		w.clearErr = nil
		w.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if w.inAlarm(1) {
			t.Error("the alarm was not cleared once the database took it")
		}
	})
}

func TestRefusedAlarmsTakeNobodysPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_restarts_per_cycle = 1\n")
		w.resolve = func(p config.Process) (Target, error) {
			if p.Name == "masked" {
				return Target{}, &Refusal{Reason: ReasonMasked}
			}
			return Target{Strategy: config.StrategyService, Unit: p.Name + ".service"}, nil
		}
		w.raise(1, "masked")
		w.raise(2, "good")
		for range 3 {
			w.settle()
		}
		w.wantRestarts("good", 1)
	})
}

func TestUnitWithSeveralNamesIsRestartedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.resolve = func(config.Process) (Target, error) {
			return Target{Strategy: config.StrategyService, Unit: "shared.service"}, nil
		}
		restarts, atOnce := 0, 0
		w.restart = func(context.Context, Order) error {
			w.mu.Lock()
			restarts++
			atOnce = max(atOnce, w.now)
			w.mu.Unlock()
			time.Sleep(time.Second)
			return nil
		}
		for i, name := range []string{"shared", "shared.service", "alias"} {
			w.raise(int64(i), name)
		}
		w.settle()
		if restarts != 1 || atOnce != 1 {
			t.Errorf("the unit was restarted %d times, %d at once", restarts, atOnce)
		}
		for id := range int64(3) {
			if w.inAlarm(id) {
				t.Errorf("alarm %d still stands", id)
			}
		}
		// An alarm that came after the restart is another one.
		w.raise(1, "shared.service")
		w.settle()
		if restarts != 2 {
			t.Errorf("the unit was restarted %d times, want 2", restarts)
		}
	})
}

func TestFailedRestartOfAUnitIsNoOtherNamesSuccess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "[process.default]\nmax_attempts = 1\n")
		w.resolve = func(config.Process) (Target, error) {
			return Target{Strategy: config.StrategyService, Unit: "shared.service"}, nil
		}
		w.restart = always(errBroken)
		w.raise(1, "shared")
		w.raise(2, "alias")
		w.settle()
		w.wantRestarts("shared", 1)
		w.wantRestarts("alias", 1)
		if !w.inAlarm(1) || !w.inAlarm(2) {
			t.Error("an alarm was cleared")
		}
	})
}

func TestReloadTriesToWriteAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.clearErr = func(string) error { return ErrReadOnly }
		w.raise(1, "nginx")
		w.settle()
		w.mu.Lock()
		w.clearErr = nil
		w.mu.Unlock()
		w.engine.Reconfigure(parse(t, baseConfig), w, false)
		synctest.Wait()
		if w.inAlarm(1) {
			t.Error("after the reload the alarm of before was not cleared")
		}
		w.raise(2, "redis")
		w.settle()
		if w.inAlarm(2) {
			t.Error("after a reload the daemon is still read-only")
		}
		w.wantRestarts("nginx", 1)
	})
}

func TestAlarmBeingClearedIsNotToldAsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		release := make(chan struct{})
		w.clearErr = func(string) error { <-release; return nil }
		w.raise(1, "nginx")
		w.poll()
		time.Sleep(time.Second)
		w.engine.Cycle(time.Now(), nil) // as if the update were done and not yet answered
		close(release)
		synctest.Wait()
		w.wantKinds("nginx", AlarmFound, RecoveryStarted, Restarted, HealthPassed, RecoverySucceeded, Cleared)
	})
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "max_parallel_restarts = 1\n")
		w.restart = func(ctx context.Context, _ Order) error { return sleep(ctx, 10*time.Second) }
		w.raise(1, "first")
		w.raise(2, "second")
		w.poll()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		w.engine.Stop(ctx)
		if w.inAlarm(1) || !w.inAlarm(2) {
			t.Error("the one under way was not finished, or the queued one was begun")
		}
		w.wantRestarts("second", 0)
	})
}

func TestStopTriesOwedWriteBacksOnceMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.clearErr = func(string) error { return errBroken }
		w.raise(1, "nginx")
		w.settle()
		w.mu.Lock()
		w.clearErr = nil
		w.mu.Unlock()
		w.engine.Stop(t.Context())
		if w.inAlarm(1) {
			t.Error("the alarm of the restarted process stands, and the next daemon will restart it again")
		}
	})
}

func TestStopInterruptsWhatTakesTooLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.restart = func(ctx context.Context, _ Order) error { return sleep(ctx, time.Hour) }
		w.raise(1, "slow")
		w.poll()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		begin := time.Now()
		w.engine.Stop(ctx)
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("stopping took %v", took)
		}
		w.wantKinds("slow", AlarmFound, RecoveryStarted, RecoveryInterrupted)
		if !w.inAlarm(1) {
			t.Error("an interrupted recovery cleared the alarm")
		}
	})
}

func TestNothingIsRememberedOfTheRecovered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "stable_time = 600\n")
		for i := range int64(100) {
			w.raise(i, fmt.Sprint("p", i))
		}
		w.settle()
		time.Sleep(11 * time.Minute)
		w.settle()
		w.engine.mu.Lock()
		defer w.engine.mu.Unlock()
		if n := len(w.engine.processes); n != 0 {
			t.Errorf("%d processes are still remembered", n)
		}
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.Join(errBroken, ctx.Err())
	}
}
