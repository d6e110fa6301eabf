package systemd

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
)

const (
	// killLimit is how long a killed command may take to die. One that is
	// stuck in the kernel dies when the kernel lets go of it.
	killLimit = 5 * time.Second
	// killPatience is how long systemd may be away, as it is while it executes
	// itself anew, when a command is to be killed. The unit's own limit ends
	// the command by then: see Transient.StartTimeout.
	killPatience = 20 * time.Second
	killPause    = 50 * time.Millisecond
	// beginLimit is how long systemd may take to begin a command that it has
	// taken up. While it executes itself anew it begins nothing, which takes
	// it seconds where 10,000 units are loaded.
	beginLimit = 15 * time.Second
	// quiet is what systemd logs about a unit that only runs a command,
	// LogLevelMax= of systemd.exec(5): nothing short of an emergency.
	// Whoever has the command run says what became of it.
	quiet = 0
)

// Execute runs a command in a unit of its own and waits for its end. Nothing of
// it stays: what it leaves running is killed. So is all of it when ctx ends
// first, or limit is over; the error then wraps the context's. The limit counts
// from when the command has begun, or where t cannot tell, from when systemd has
// taken it up: a systemd that is slow, as it is when many services fail at once,
// takes none of the command's time. A command that ended with an error is a
// *JobError, which does not say how it ended. An error that wraps ErrUnavailable
// leaves open whether the command runs.
func (c *Client) Execute(ctx context.Context, t Transient, limit time.Duration) error {
	err := c.execute(ctx, t, limit)
	if _, failed := errors.AsType[*JobError](err); err != nil && !failed {
		err = fmt.Errorf("cannot run unit %q: %w", t.Name, c.explain(err))
	}
	return err
}

func (c *Client) execute(ctx context.Context, t Transient, limit time.Duration) error {
	t.Oneshot = true
	properties, err := t.properties()
	if err != nil {
		return err
	}
	properties = append(properties,
		// The command is the whole: the unit ends with it, and is ended
		// at once.
		set("RemainAfterExit", false),
		set("KillSignal", int32(syscall.SIGKILL)),
		set("LogLevelMax", int32(quiet)),
	)
	l, err := c.connect(ctx)
	if err != nil {
		return err
	}
	results := make(chan string, 1) // See job.
	var result string
	id, err := l.startJob(ctx, func(ctx context.Context, conn *sdbus.Conn, result chan<- string) (int, error) {
		return conn.StartTransientUnitContext(ctx, t.Name, modeReplace, properties, result)
	}, results)
	if err == nil && t.Begun != nil {
		l.awaitBegin(ctx, t.Begun, results)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err == nil {
		result, err = l.await(ctx, t.Name, id, results, c.lostCheckInterval)
	}
	switch {
	case err == nil && result == resultDone:
		return nil
	case err == nil:
		return &JobError{Op: "run", Unit: t.Name, Result: result}
	case ctx.Err() != nil:
		// Also where systemd has not answered: it may have heard.
		c.kill(ctx, t.Name)
		l.awaitDeath(ctx, t.Name, id, results, c.lostCheckInterval)
		return ctx.Err()
	}
	return err
}

// kill has all that runs in the unit killed, be it that systemd cannot be asked
// at once: what goes on unseen would go on beside what comes next.
func (c *Client) kill(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
	defer cancel()
	for {
		err := c.call(ctx, func(ctx context.Context, l *link) error { return l.kill(ctx, name) })
		if err == nil || errors.Is(err, ErrNoSuchUnit) || errors.Is(err, ErrClosed) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(killPause):
		}
	}
}

// awaitDeath waits for the end of a unit whose processes were killed.
func (l *link) awaitDeath(ctx context.Context, name string, id int, results <-chan string, every time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killLimit)
	defer cancel()
	_, _ = l.await(ctx, name, id, results, every)
}

// awaitBegin waits until a command has begun, or there is no need to wait.
func (l *link) awaitBegin(ctx context.Context, begun <-chan struct{}, results chan string) {
	limit := time.NewTimer(beginLimit)
	defer limit.Stop()
	select {
	case <-begun:
	case result := <-results: // the only one
		results <- result
	case <-limit.C:
	case <-ctx.Done():
	case <-l.ctx.Done():
	}
}
