package systemd

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
)

// modeReplace lets a job replace a queued one that conflicts with it, as
// systemctl(1) does by default.
const modeReplace = "replace"

// Restart restarts a unit, or starts it where it is not running, and returns
// when systemd's job has ended. Only a job whose result is "done" is a
// success; any other result is a *JobError. When ctx ends first the job goes
// on, and the error wraps the context's.
func (c *Client) Restart(ctx context.Context, name string) error {
	return c.job(ctx, "restart", name, func(ctx context.Context, conn *sdbus.Conn, result chan<- string) (int, error) {
		return conn.RestartUnitContext(ctx, name, modeReplace, result)
	})
}

// Start starts a unit; see Restart.
func (c *Client) Start(ctx context.Context, name string) error {
	return c.job(ctx, "start", name, func(ctx context.Context, conn *sdbus.Conn, result chan<- string) (int, error) {
		return conn.StartUnitContext(ctx, name, modeReplace, result)
	})
}

// Stop stops a unit; see Restart.
func (c *Client) Stop(ctx context.Context, name string) error {
	return c.job(ctx, "stop", name, func(ctx context.Context, conn *sdbus.Conn, result chan<- string) (int, error) {
		return conn.StopUnitContext(ctx, name, modeReplace, result)
	})
}

// Kill sends SIGKILL to all processes of a unit, and waits for nothing. A unit
// that is not loaded has none: that is no error.
func (c *Client) Kill(ctx context.Context, name string) error {
	if !validName(name) {
		return fmt.Errorf("cannot kill unit %q: %w", name, ErrUnitName)
	}
	err := c.call(ctx, func(ctx context.Context, l *link) error { return l.kill(ctx, name) })
	if err != nil && !errors.Is(err, ErrNoSuchUnit) {
		return fmt.Errorf("cannot kill unit %q: %w", name, err)
	}
	return nil
}

func (l *link) kill(ctx context.Context, name string) error {
	return l.conn.KillUnitWithTarget(ctx, name, sdbus.All, int32(syscall.SIGKILL))
}

// ResetFailed takes the state "failed" off a unit and forgets how often it was
// started, so that a unit which hit its start limit may be started again. A
// unit that is not loaded has nothing to reset: that is no error.
func (c *Client) ResetFailed(ctx context.Context, name string) error {
	if !validName(name) {
		return fmt.Errorf("cannot reset unit %q: %w", name, ErrUnitName)
	}
	err := c.call(ctx, func(ctx context.Context, l *link) error {
		return l.conn.ResetFailedUnitContext(ctx, name)
	})
	if err != nil && !errors.Is(err, ErrNoSuchUnit) {
		return fmt.Errorf("cannot reset unit %q: %w", name, err)
	}
	return nil
}

// starter asks systemd for a job whose result is to be sent to result, and
// returns the job's number.
type starter func(ctx context.Context, conn *sdbus.Conn, result chan<- string) (int, error)

// job asks systemd for a job and waits for its end.
func (c *Client) job(ctx context.Context, op, name string, start starter) error {
	if !validName(name) {
		return fmt.Errorf("cannot %s unit %q: %w", op, name, ErrUnitName)
	}
	l, err := c.connect(ctx)
	if err != nil {
		return fmt.Errorf("cannot %s unit %q: %w", op, name, err)
	}
	// One result is sent. Were there no room for it when nobody waits any
	// more, the library would hold up the results of all later jobs.
	results := make(chan string, 1)
	id, err := l.startJob(ctx, start, results)
	if err != nil {
		return fmt.Errorf("cannot %s unit %q: %w", op, name, c.explain(err))
	}
	result, err := l.await(ctx, name, id, results, c.lostCheckInterval)
	if err != nil {
		return fmt.Errorf("cannot %s unit %q: %w", op, name, c.explain(err))
	}
	if result != resultDone {
		return &JobError{Op: op, Unit: name, Result: result}
	}
	return nil
}

// startJob asks for a job, one caller at a time.
func (l *link) startJob(ctx context.Context, start starter, results chan<- string) (id int, err error) {
	select {
	case l.starting <- struct{}{}:
		defer func() { <-l.starting }()
	case <-ctx.Done():
		return 0, unanswered(ctx.Err())
	case <-l.ctx.Done():
		return 0, ErrUnavailable
	}
	err = l.call(ctx, func(ctx context.Context, l *link) error {
		id, err = start(ctx, l.conn, results)
		return err
	})
	return id, err
}

// await waits for the result of a job. The library says nothing when the
// connection is lost, so that is waited for as well; and it says nothing when
// the signal was lost, as it may be while systemd executes itself anew, so the
// job is looked at now and then.
func (l *link) await(ctx context.Context, name string, id int, results <-chan string, every time.Duration) (string, error) {
	look := time.NewTicker(every)
	defer look.Stop()
	for gone := 0; gone < 2; {
		select {
		case result := <-results:
			return result, nil
		case <-ctx.Done():
			return lastWord(results, waitError(ctx))
		case <-l.ctx.Done():
			return lastWord(results, ErrUnavailable)
		case <-look.C:
			// Twice: the signal takes another way than the answer and may
			// still be on it.
			if l.jobIsGone(ctx, name, id) {
				gone++
			} else {
				gone = 0
			}
		}
	}
	return lastWord(results, nil)
}

// lastWord prefers a result that is there to the error that ended the wait.
func lastWord(results <-chan string, err error) (string, error) {
	select {
	case result := <-results:
		return result, nil
	default:
		return "", err
	}
}

func waitError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("job did not end within its time limit: %w", ctx.Err())
	}
	return fmt.Errorf("stopped waiting for the job: %w", ctx.Err())
}

// jobIsGone says whether the unit is known to have another job now or none.
func (l *link) jobIsGone(ctx context.Context, name string, id int) bool {
	if id == 0 {
		return false // The library could not tell the job's number.
	}
	var job *sdbus.Property
	err := l.call(ctx, func(ctx context.Context, l *link) (err error) {
		job, err = l.conn.GetUnitPropertyContext(ctx, name, "Job")
		return err
	})
	return err == nil && int(jobOf(job.Value.Value())) != id
}
