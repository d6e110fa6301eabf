package restart

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

const (
	// customPrefix cannot begin the name of a process's unit.
	customPrefix = "monitored.restart-"
	// maxCustomUnits bounds the units that one process's restart_command may
	// have at once. What it starts lives on in the unit that it ran in, so
	// that the next restart needs another; two do for a command that ends
	// what the one before it started.
	maxCustomUnits = 64
	// farApart is how many unused numbers in a row say that there is no
	// unit with a higher one.
	farApart = 3
	// backstop is how much later than this daemon systemd ends a command
	// that is over its time: it matters only if this daemon is gone.
	backstop = 10 * time.Second
)

func customUnit(name string, number int) string {
	return customPrefix + unitStem(name) + "-" + strconv.Itoa(number) + serviceSuffix
}

// restartCustom runs restart_command. Without systemd the daemon's stopping
// does not end it, since nobody would finish it; in a unit it goes on by
// itself.
func (r *Restarter) restartCustom(ctx context.Context, o recovery.Order) error {
	if r.transient {
		return r.restartInUnit(ctx, o)
	}
	s := spec("restart_command", o.Target.Command, o.Process.RestartTimeout, o)
	s.KeepChildren = true
	if err := ctx.Err(); err != nil {
		return err
	}
	begin(o)
	_, err := command.Run(context.WithoutCancel(ctx), s)
	return err
}

// restartInUnit runs restart_command in a transient unit, so that what it
// starts survives the daemon and does not live in its sandbox.
func (r *Restarter) restartInUnit(ctx context.Context, o recovery.Order) error {
	limit := o.Process.RestartTimeout
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if !o.Unsure {
		if err := r.beginCustom(limited, o); err != nil {
			return err
		}
	}
	unit, started, err := r.freeUnit(limited, o)
	if err != nil || started {
		return err
	}
	begun := time.Now()
	err = r.startTransient(limited, systemd.Transient{
		Name:             unit,
		Description:      "Restart of " + plain(o.Process.Name) + ", by monitor_service",
		Command:          shell(o.Target.Command),
		WorkingDirectory: "/",
		Environment:      command.Variables(o.Process.Name, o.ID, o.Attempt),
		SyslogIdentifier: journalName(o.Process.Name),
		Oneshot:          true,
		StartTimeout:     limit + backstop,
		StopTimeout:      unitStopTimeout(o.Process.StopTimeout),
	})
	if err == nil {
		r.collect(limited, o)
		return nil
	}
	if limited.Err() == nil {
		return endingOf(limited, unit, begun).explain(fmt.Errorf("restart_command: %w", err))
	}
	if ctx.Err() != nil {
		return fmt.Errorf("restart_command goes on in unit %q: %w", unit, err)
	}
	// Its time is over: it is ended with all that it has started.
	last := ending{output: endingOf(ctx, unit, begun).output}
	err = fmt.Errorf("restart_command: ended at its time limit of %s (restart_timeout)", limit)
	if stopErr := r.stopUnit(context.WithoutCancel(ctx), unit, o.Process.StopTimeout); stopErr != nil {
		err = fmt.Errorf("%w; and it could not be ended: %w", err, stopErr)
	}
	return last.explain(err)
}

// freeUnit returns a unit that restart_command may run in. A restart_command
// that still runs, begun by a predecessor of this daemon, is waited for and
// then is the restart; if it does not end, it is ended.
func (r *Restarter) freeUnit(ctx context.Context, o recovery.Order) (free string, started bool, err error) {
	err = r.eachUnit(ctx, o, func(u systemd.Unit) (bool, error) {
		if u.HasJob {
			if u, started, err = r.awaitJob(ctx, u, o.Process.RestartTimeout/2); err != nil || started {
				return false, err
			}
			if u.HasJob {
				if err := r.stopUnit(ctx, u.Name, o.Process.StopTimeout); err != nil {
					return false, err
				}
			}
		}
		if started = isTheRestart(o, u); started {
			return false, nil
		}
		released, err := r.release(ctx, u, o.Process.StopTimeout)
		if released && free == "" {
			free = u.Name
		}
		return true, err
	})
	if err == nil && !started && free == "" {
		err = fmt.Errorf("restart_command: each of its last %d units still has processes: it leaves the old ones running",
			maxCustomUnits)
	}
	return free, started, err
}

// collect ends the units of the process that nothing is left in. What cannot
// be collected now is found by the next restart.
func (r *Restarter) collect(ctx context.Context, o recovery.Order) {
	_ = r.eachUnit(ctx, o, func(u systemd.Unit) (bool, error) {
		_, err := r.release(ctx, u, o.Process.StopTimeout)
		return true, err
	})
}

// eachUnit goes through the units of the process's restart_command, the unused
// ones up to the end included, until visit does not want any more.
func (r *Restarter) eachUnit(ctx context.Context, o recovery.Order, visit func(systemd.Unit) (bool, error)) error {
	for i, unused := 0, 0; i < maxCustomUnits && unused < farApart; i++ {
		u, err := r.units.Unit(ctx, customUnit(o.Process.Name, i))
		if err != nil {
			return err
		}
		if u.LoadState == systemd.LoadNotFound {
			unused++
		} else {
			unused = 0
		}
		if more, err := visit(u); err != nil || !more {
			return err
		}
	}
	return nil
}

// release stops the unit if it has ended and nothing is left in it, and says
// whether its name is free.
func (r *Restarter) release(ctx context.Context, u systemd.Unit, stopTimeout time.Duration) (bool, error) {
	if u.LoadState == systemd.LoadNotFound {
		return true, nil
	}
	left, err := r.table.Members(u.Name)
	if err != nil || len(left) > 0 {
		return false, err
	}
	return true, r.stopUnit(ctx, u.Name, stopTimeout)
}
