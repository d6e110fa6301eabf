package systemd

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
)

// The ways in which a process ends, as in ExecMainCode: si_code of
// sigaction(2).
const (
	childExited = 1
	childKilled = 2
	childDumped = 3
)

const (
	// killLimit is how long a killed command may take to die. One that is
	// stuck in the kernel dies when the kernel lets go of it.
	killLimit = 5 * time.Second
	// releaseLimit bounds giving up the hold on a unit that has ended.
	releaseLimit = 5 * time.Second
	// quiet is what systemd logs about a unit that only runs a command,
	// LogLevelMax= of systemd.exec(5): nothing short of an emergency.
	// Whoever has the command run says what became of it.
	quiet = 0
)

// Exit is how a command ended: by itself, with a status, or by a signal.
type Exit struct {
	Status int
	// Signal is zero where none ended it.
	Signal syscall.Signal
}

// Execute runs a command in a unit of its own, waits for its end and says how
// it ended. Nothing of it stays: what it leaves running is killed. So is all of
// it when ctx ends first; the error then wraps the context's. Without an error
// the command has run. An error that wraps ErrUnavailable leaves open whether
// it did, or still does.
func (c *Client) Execute(ctx context.Context, t Transient) (Exit, error) {
	exit, err := c.execute(ctx, t)
	if err != nil {
		err = fmt.Errorf("cannot run unit %q: %w", t.Name, c.explain(err))
	}
	return exit, err
}

func (c *Client) execute(ctx context.Context, t Transient) (Exit, error) {
	t.Oneshot = true
	properties, err := t.properties()
	if err != nil {
		return Exit{}, err
	}
	properties = append(properties,
		// The command is the whole: the unit ends with it, and is ended
		// at once.
		set("RemainAfterExit", false),
		set("KillSignal", int32(syscall.SIGKILL)),
		set("LogLevelMax", int32(quiet)),
		// An ended unit is there until it is released, or this connection
		// is lost, so that it can be asked how it ended.
		set("AddRef", true),
	)
	l, err := c.connect(ctx)
	if err != nil {
		return Exit{}, err
	}
	results := make(chan string, 1) // See job.
	id, err := l.startJob(ctx, func(ctx context.Context, conn *sdbus.Conn, result chan<- string) (int, error) {
		return conn.StartTransientUnitContext(ctx, t.Name, modeReplace, properties, result)
	}, results)
	if err != nil && !errors.Is(err, ErrUnavailable) {
		return Exit{}, err
	}
	defer l.release(ctx, t.Name)
	if err == nil {
		var result string
		if result, err = l.await(ctx, t.Name, id, results, c.lostCheckInterval); err == nil {
			return l.exit(ctx, t.Name, result)
		}
	}
	if ctx.Err() != nil {
		l.kill(ctx, t.Name, id, results, c.lostCheckInterval)
		// Whatever became of the call, it is the caller who gave it up.
		return Exit{}, ctx.Err()
	}
	return Exit{}, err
}

// exit asks a unit whose job has ended how its command ended.
func (l *link) exit(ctx context.Context, name, result string) (Exit, error) {
	if result == resultDone {
		return Exit{}, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), replyLimit)
	defer cancel()
	var properties map[string]any
	err := l.call(ctx, func(ctx context.Context, l *link) (err error) {
		properties, err = l.conn.GetUnitTypePropertiesContext(ctx, name, "Service")
		return err
	})
	if err != nil {
		return Exit{}, fmt.Errorf("it is not known how it ended: %w", err)
	}
	status := int(property[int32](properties, "ExecMainStatus"))
	switch property[int32](properties, "ExecMainCode") {
	case childExited:
		if status != 0 {
			return Exit{Status: status}, nil
		}
	case childKilled, childDumped:
		return Exit{Signal: syscall.Signal(status)}, nil
	}
	return Exit{}, fmt.Errorf("job result is %q, and the unit's is %q", result, property[string](properties, "Result"))
}

// kill ends all that runs in the unit and waits for its end.
func (l *link) kill(ctx context.Context, name string, id int, results <-chan string, every time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killLimit)
	defer cancel()
	err := l.call(ctx, func(ctx context.Context, l *link) error {
		return l.conn.KillUnitWithTarget(ctx, name, sdbus.All, int32(syscall.SIGKILL))
	})
	if err == nil {
		_, _ = l.await(ctx, name, id, results, every)
	}
}

// release lets systemd forget the unit. Where that fails the connection is
// lost, and with it the hold.
func (l *link) release(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	_ = l.call(ctx, func(ctx context.Context, l *link) error {
		return l.raw.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").
			CallWithContext(ctx, "org.freedesktop.systemd1.Manager.UnrefUnit", 0, name).Err
	})
}
