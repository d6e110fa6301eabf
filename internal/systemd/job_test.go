//go:build integration

package systemd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"monitor_service/internal/testenv/bus"
)

func TestOnlyDoneIsASuccess(t *testing.T) {
	b, c, ctx := setUp(t)
	ops := map[string]func(context.Context, string) error{
		"restart": c.Restart, "start": c.Start, "stop": c.Stop,
		"start transient": func(ctx context.Context, name string) error {
			b.ChangeUnit(name, func(u *bus.Unit) { u.LoadState = "not-found" })
			return c.StartTransient(ctx, sleeper(name))
		},
	}
	for _, result := range []string{
		"done", "canceled", "timeout", "failed", "dependency", "skipped",
		"invalid", "assert", "unsupported", "collected", "once", "frozen",
		// Not in the vocabulary of any systemd so far.
		"splendid", "Done",
	} {
		for op, call := range ops {
			b.SetUnit(bus.Unit{Name: "a.service", ActiveState: "inactive", JobResult: result})
			err := call(ctx, "a.service")
			if result == "done" {
				if err != nil {
					t.Errorf("%s: %v", op, err)
				}
				continue
			}
			var jobErr *JobError
			if !errors.As(err, &jobErr) || jobErr.Unit != "a.service" || jobErr.Result != result {
				t.Errorf("%s, %s: got %v", op, result, err)
			}
		}
	}
}

func TestAJobErrorNamesUnitAndResult(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: nginx, JobResult: "failed"})
	err := c.Restart(ctx, nginx)
	if want := `cannot restart unit "nginx.service": job result is "failed"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestADeadlineEndsTheWaitAndNotTheJob(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "slow.service", JobHangs: true})
	shortly, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	err := c.Restart(shortly, "slow.service")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `unit "slow.service": job did not end within its time limit`) {
		t.Errorf("got %v", err)
	}
	u, err := c.Unit(ctx, "slow.service")
	if err != nil || !u.HasJob {
		t.Errorf("got %+v, %v, want the job to go on", u, err)
	}
	if calls := b.Calls(); len(calls) != 2 {
		t.Errorf("calls are %v: the job was meddled with", calls)
	}
}

func TestAResultThatNobodyReadsHoldsUpNoOtherJob(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "slow.service", JobHangs: true})
	givenUp, giveUp := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Restart(givenUp, "slow.service") }()
	if err := b.AwaitCalls(ctx, "RestartUnit", 1); err != nil {
		t.Fatal(err)
	}
	// Its turn over, the first job's request was answered.
	c.mustRestart(ctx, t, nginx)
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if !b.FinishJob("slow.service", "done") {
		t.Fatal("there is no job to finish")
	}
	for range 3 {
		c.mustRestart(ctx, t, nginx)
	}
}

func Test200RestartsAtOnce(t *testing.T) {
	b, c, ctx := setUp(t)
	const n = 200
	var callers sync.WaitGroup
	for i := range n {
		name := fmt.Sprintf("w@%d.service", i)
		result := "done"
		if i%2 == 1 {
			result = "failed"
		}
		b.SetUnit(bus.Unit{Name: name, JobResult: result})
		callers.Go(func() {
			// Each gets its own job's result, not its neighbour's.
			err := c.Restart(ctx, name)
			var jobErr *JobError
			if failed := errors.As(err, &jobErr); failed != (result == "failed") || failed && jobErr.Unit != name || !failed && err != nil {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
	callers.Wait()
	if calls := b.Calls()["RestartUnit"]; calls != n {
		t.Errorf("%d restarts, want %d", calls, n)
	}
}

func TestAJobWhoseSignalIsLostEndsTheWait(t *testing.T) {
	b, c, ctx := setUp(t)
	c.lostCheckInterval = time.Millisecond
	b.SetUnit(bus.Unit{Name: nginx, JobSilent: true})
	err := c.Restart(ctx, nginx)
	var jobErr *JobError
	if !errors.As(err, &jobErr) || jobErr.Result != "" {
		t.Errorf("got %v, want a job error without a result", err)
	}
}

func TestAJobThatTakesLongIsNotTakenForLost(t *testing.T) {
	b, c, ctx := setUp(t)
	c.lostCheckInterval = time.Millisecond
	b.SetUnit(bus.Unit{Name: nginx, JobHangs: true})
	ended := make(chan error, 1)
	go func() { ended <- c.Restart(ctx, nginx) }()
	if err := b.AwaitCalls(ctx, "Get", 5); err != nil {
		t.Fatal(err)
	}
	b.FinishJob(nginx, "done")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTwoRestartsOfOneUnitShareAJob(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: nginx, JobHangs: true})
	ended := make(chan error, 2)
	for range cap(ended) {
		go func() { ended <- c.Restart(ctx, nginx) }()
	}
	if err := b.AwaitCalls(ctx, "RestartUnit", 2); err != nil {
		t.Fatal(err)
	}
	b.FinishJob(nginx, "done")
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsOfSystemdHaveAMeaning(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "masked.service", LoadState: "masked"})
	b.SetUnit(bus.Unit{Name: "denied.service", Refuse: "org.freedesktop.DBus.Error.AccessDenied"})
	b.SetUnit(bus.Unit{Name: "polkit.service", Refuse: "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"})
	for name, want := range map[string]error{
		"masked.service":  ErrMasked,
		"denied.service":  ErrDenied,
		"polkit.service":  ErrDenied,
		"missing.service": ErrNoSuchUnit,
		"no suffix":       ErrUnitName,
	} {
		if err := c.Restart(ctx, name); !errors.Is(err, want) || !strings.Contains(err.Error(), fmt.Sprintf("unit %q", name)) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

func TestAUnitBeyondItsStartLimitRecoversAfterAReset(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: nginx, StartLimit: 1})
	c.mustRestart(ctx, t, nginx)
	var jobErr *JobError
	if err := c.Restart(ctx, nginx); !errors.As(err, &jobErr) {
		t.Fatalf("got %v", err)
	}
	if u, err := c.Unit(ctx, nginx); err != nil || u.Result != "start-limit-hit" || u.ActiveState != StateFailed {
		t.Errorf("got %+v, %v", u, err)
	}
	if err := c.ResetFailed(ctx, nginx); err != nil {
		t.Fatal(err)
	}
	c.mustRestart(ctx, t, nginx)
}

func TestResettingAUnitThatIsNotLoadedIsNoError(t *testing.T) {
	_, c, ctx := setUp(t)
	if err := c.ResetFailed(ctx, "missing.service"); err != nil {
		t.Error(err)
	}
}
