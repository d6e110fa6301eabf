// Package healthcheck verifies a restart: it repeats a check until it passes
// or until its time is over. The check is the operator's command, or what
// systemd says about the unit, or the process table. What is restarted and
// what follows from a verdict is decided elsewhere.
package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// Units is what the built-in check needs of systemd. *systemd.Client has it.
type Units interface {
	Unit(ctx context.Context, name string) (systemd.Unit, error)
	Running(ctx context.Context, name string) (systemd.Unit, error)
}

// Checker implements recovery.Checker. It keeps nothing between checks and is
// safe for concurrent use.
type Checker struct {
	units Units
	table *proctable.Table
	run   command.Runner
}

var _ recovery.Checker = (*Checker)(nil)

// New returns a Checker, which leaves health_check_command to run. units is nil
// on a host without systemd.
func New(units Units, table *proctable.Table, run command.Runner) *Checker {
	return &Checker{units: units, table: table, run: run}
}

// look is one look at a process. It returns nil when the process is healthy,
// and otherwise what it saw. It takes no longer than left, which is what the
// whole check has left; ctx ends when the daemon gives up.
type look func(ctx context.Context, left time.Duration) error

// Check implements recovery.Checker.
func (c *Checker) Check(ctx context.Context, o recovery.Order) error {
	err := c.check(ctx, o)
	if errors.Is(err, systemd.ErrUnavailable) {
		return recovery.Away(err)
	}
	return err
}

func (c *Checker) check(ctx context.Context, o recovery.Order) error {
	p := o.Process
	if c.Watches(o) {
		// There is nothing to see before a unit could have stayed up. There is
		// room for two such looks, whatever the interval is.
		pause := pace(p.HealthCheckInterval, p.HealthCheckTimeout*2/5)
		look := &unitLook{units: c.units, name: o.Target.Unit, stays: pause}
		return repeat(ctx, p.HealthCheckTimeout, pause, pause, look.look)
	}
	look, err := c.choose(o)
	if err != nil {
		return err
	}
	// There is room for two looks: the one at processes needs them to see that
	// something stays.
	return repeat(ctx, p.HealthCheckTimeout, 0, pace(p.HealthCheckInterval, p.HealthCheckTimeout/2), look)
}

func pace(interval, most time.Duration) time.Duration {
	return max(min(interval, most), time.Millisecond)
}

// Watches implements recovery.Checker.
func (c *Checker) Watches(o recovery.Order) bool {
	return o.Process.HealthCheckCommand == "" && o.Target.Unit != "" && c.units != nil &&
		o.Target.Strategy != config.StrategyProcess
}

func (c *Checker) choose(o recovery.Order) (look, error) {
	if o.Process.HealthCheckCommand != "" {
		return c.commandLook(o)
	}
	return (&processLook{table: c.table, name: o.Process.Name}).look, nil
}

// repeat looks after the first pause, and then after each interval, until a look
// sees health or the time is over. A look that the end of the time cuts short
// saw less than the one before it, which the error is then of.
func repeat(ctx context.Context, timeout, first, interval time.Duration, look look) error {
	end := time.Now().Add(timeout)
	over := time.NewTimer(timeout)
	defer over.Stop()
	next := time.NewTimer(first)
	defer next.Stop()
	seen := errNoLook
	for count := 0; ; {
		select {
		case <-next.C:
			next.Reset(interval)
			if left := time.Until(end); left > 0 {
				count++
				err := look(ctx, left)
				if err == nil {
					return nil
				}
				if count == 1 || time.Until(end) > 0 {
					seen = err
				}
			}
		case <-over.C:
		case <-ctx.Done():
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("health check interrupted: %w", context.Cause(ctx))
		case time.Until(end) <= 0:
			return fmt.Errorf("health check did not pass within %s, %s: %w", timeout, times(count), seen)
		}
	}
}

// errNoLook is of a daemon that was stopped for all of the time.
var errNoLook = errors.New("nobody looked")

func times(count int) string {
	if count == 1 {
		return "tried once"
	}
	return fmt.Sprintf("tried %d times", count)
}

// shownPrecision rounds what is left of a time limit for a message.
const shownPrecision = 10 * time.Millisecond

// commandLook runs health_check_command. A run has the time that the whole
// check has left, and is then killed with its children.
func (c *Checker) commandLook(o recovery.Order) (look, error) {
	line, err := command.Expand(o.Process.HealthCheckCommand, o.Process.Name)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, left time.Duration) error {
		_, err := c.run(ctx, command.Spec{
			Key: "health_check_command", Line: line,
			Timeout: max(left.Round(shownPrecision), shownPrecision),
			Process: o.Process.Name, ID: o.ID, Attempt: o.Attempt,
		})
		return err
	}, nil
}
