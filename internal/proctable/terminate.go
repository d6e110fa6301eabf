package proctable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	// KillWait is how long a process may take to go after SIGKILL
	// before it is taken to be stuck in the kernel.
	KillWait = 5 * time.Second
	// The table is looked at again after firstLook, then ever more seldom,
	// up to lastLook. There is no event to wait for instead: a process
	// that is not a child can be watched through a pidfd alone, which the
	// kernel of RHEL 8 does not have.
	firstLook = 2 * time.Millisecond
	lastLook  = 100 * time.Millisecond
)

// Terminate ends the processes: SIGTERM to all, a wait until they are gone,
// SIGKILL after stopTimeout to those that are not, and another wait. It
// returns an error that names the processes which are still there, or those
// that it may not signal; that one wraps os.ErrPermission. When ctx ends it
// returns the context's error at once, and the processes may be gone or not.
func (t *Table) Terminate(ctx context.Context, procs []Process, stopTimeout time.Duration) error {
	if err := t.signalAll(procs, syscall.SIGTERM, syscall.SIGCONT); err != nil {
		return err
	}
	left, err := t.waitGone(ctx, procs, stopTimeout)
	if err != nil || len(left) == 0 {
		return err
	}
	if err := t.signalAll(left, syscall.SIGKILL); err != nil {
		return err
	}
	left, err = t.waitGone(ctx, left, t.killWait)
	if err != nil || len(left) == 0 {
		return err
	}
	return fmt.Errorf("still there %s after SIGKILL, stuck in the kernel most likely: process %s",
		t.killWait, list(left))
}

// signalAll sends each process the signals. SIGCONT after SIGTERM, as systemd
// does it (systemd.kill(5)), lets a stopped process act on the first.
func (t *Table) signalAll(procs []Process, signals ...syscall.Signal) error {
	var errs []error
	for _, p := range procs {
		for _, s := range signals {
			if err := t.signal(p, s); err != nil {
				errs = append(errs, fmt.Errorf("cannot signal process %s: %w", p, err))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// signal signals exactly this process. Where the kernel has pidfds, the handle
// is one, and keeps meaning the process that was there when it was opened;
// that this is the right one is checked afterwards. On an older kernel a
// number that is reused between check and signal could be hit; numbers are
// reused in turn, so that this is a matter of all others being used within
// microseconds.
func (t *Table) signal(p Process, s syscall.Signal) error {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return err
	}
	defer handle.Release() //nolint:errcheck // only frees
	alive, err := t.Alive(p)
	if err != nil || !alive {
		return err
	}
	if err := handle.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// waitGone waits until the processes are gone and returns those that are still
// there after limit.
func (t *Table) waitGone(ctx context.Context, procs []Process, limit time.Duration) ([]Process, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	pause := firstLook
	for {
		left, err := t.living(procs)
		if err != nil || len(left) == 0 {
			return nil, err
		}
		look := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			look.Stop()
			return nil, fmt.Errorf("interrupted in the wait for process %s to end: %w", list(left), context.Cause(ctx))
		case <-deadline.C:
			look.Stop()
			return t.living(procs)
		case <-look.C:
		}
		pause = min(2*pause, lastLook)
		procs = left
	}
}

func (t *Table) living(procs []Process) ([]Process, error) {
	var left []Process
	for _, p := range procs {
		alive, err := t.Alive(p)
		if err != nil {
			return nil, fmt.Errorf("cannot look at process %s: %w", p, err)
		}
		if alive {
			left = append(left, p)
		}
	}
	return left, nil
}

// maxListed bounds how many processes an error names.
const maxListed = 10

func list(procs []Process) string {
	var names []string
	for _, p := range procs[:min(len(procs), maxListed)] {
		names = append(names, p.String())
	}
	if more := len(procs) - maxListed; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
