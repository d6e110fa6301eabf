// Package healthcheck verifies a restart: it repeats a check until it passes
// or until its time is over. The check is the operator's command, or what
// systemd says about the unit, or the process table. What is restarted and
// what follows from a verdict is decided elsewhere.
package healthcheck

import (
	"context"
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
	look, err := c.choose(o)
	if err != nil {
		return err
	}
	return repeat(ctx, o.Process.HealthCheckTimeout, o.Process.HealthCheckInterval, look)
}

func (c *Checker) choose(o recovery.Order) (look, error) {
	if o.Process.HealthCheckCommand != "" {
		return c.commandLook(o)
	}
	if o.Target.Unit != "" && c.units != nil && o.Target.Strategy != config.StrategyProcess {
		return (&unitLook{units: c.units, name: o.Target.Unit}).look, nil
	}
	return (&processLook{table: c.table, name: o.Process.Name}).look, nil
}

// repeat looks every interval until a look sees health or the time is over.
// There is always room for two looks: the built-in checks need two to see that
// something stays, whatever the interval is. A look that the end of the time
// cuts short saw less than the one before it, which the error is then of.
func repeat(ctx context.Context, timeout, interval time.Duration, look look) error {
	end := time.Now().Add(timeout)
	over := time.NewTimer(timeout)
	defer over.Stop()
	next := time.NewTicker(max(min(interval, timeout/2), time.Millisecond))
	defer next.Stop()
	var seen error
	for count := 1; ; count++ {
		err := look(ctx, time.Until(end))
		if err == nil {
			return nil
		}
		if seen == nil || time.Until(end) > 0 {
			seen = err
		}
		select {
		case <-next.C:
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
