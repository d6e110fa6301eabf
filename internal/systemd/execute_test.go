//go:build integration

package systemd

import (
	"context"
	"errors"
	"testing"
	"time"

	"monitor_service/internal/testenv/bus"
)

// The stand-in runs nothing: what a command itself does is tested on a whole
// host, in package unitcommand.
func TestASlowSystemdTakesNoneOfACommandsTime(t *testing.T) {
	b, c, ctx := setUp(t)
	if _, err := c.Unit(ctx, nginx); err != nil { // it is connected
		t.Fatal(err)
	}
	const limit = 500 * time.Millisecond
	b.Freeze()
	thaw := time.AfterFunc(3*limit, b.Thaw)
	defer thaw.Stop()
	if err := c.Execute(ctx, sleeper("a.service"), limit); err != nil {
		t.Error(err)
	}
}

// What systemd has taken up is begun when systemd has the time.
func TestTheTimeOfACommandCountsFromItsBegin(t *testing.T) {
	const limit = 300 * time.Millisecond
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "a.service", LoadState: "not-found", ActiveState: "inactive", JobHangs: true})
	command, begun := sleeper("a.service"), make(chan struct{})
	command.Begun = begun
	began := time.Now()
	late := time.AfterFunc(3*limit, func() { close(begun) })
	defer late.Stop()
	if err := c.Execute(ctx, command, limit); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took < 4*limit {
		t.Errorf("it was ended after %s, that is before it had had %s", took, limit)
	}

	// Nobody waits for the begin of what has ended.
	b.SetUnit(bus.Unit{Name: "b.service", LoadState: "not-found", ActiveState: "inactive"})
	command = sleeper("b.service")
	command.Begun = make(chan struct{})
	if err := c.Execute(ctx, command, limit); err != nil {
		t.Error(err)
	}
}

func TestACommandThatIsOverItsTimeIsATimeLimit(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "a.service", LoadState: "not-found", ActiveState: "inactive", JobHangs: true})
	if err := c.Execute(ctx, sleeper("a.service"), 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
	if n := b.Calls()["KillUnit"]; n != 1 {
		t.Errorf("the unit was killed %d times", n)
	}
}

// Systemd may be away when the time of a command is over.
func TestACommandThatIsOverItsTimeIsKilledWhenSystemdIsBack(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "a.service", LoadState: "not-found", ActiveState: "inactive", JobHangs: true, KillsLost: 2})
	if err := c.Execute(ctx, sleeper("a.service"), 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
	if n := b.Calls()["KillUnit"]; n != 3 {
		t.Errorf("the unit was to be killed %d times, want 3", n)
	}
}

func TestACommandThatFailsIsAJobError(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "a.service", LoadState: "not-found", ActiveState: "inactive", JobResult: "failed"})
	var job *JobError
	if err := c.Execute(ctx, sleeper("a.service"), patience); !errors.As(err, &job) || job.Result != "failed" {
		t.Errorf("got %v", err)
	}
}
