package restart

import (
	"context"
	"errors"
	"fmt"
	"time"

	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// unitLook is how often a unit is looked at that is waited for. The job that
// is waited for was given by somebody else, so that its end is told to nobody
// here.
const unitLook = 100 * time.Millisecond

// restartService restarts the unit and makes sure that it was. systemd refuses
// a unit that was started too often of late, manual restarts included, and
// leaves it dead (start-limit-hit, systemd.unit(5)); resetting it first
// forgets the count, where there is any.
//
// The job replaces what is queued for the unit. Two restarts of one unit merge
// into one; a start or a stop in its way is cancelled, since it may be the
// very thing that hangs.
func (r *Restarter) restartService(ctx context.Context, o recovery.Order) error {
	name, limit := o.Target.Unit, o.Process.RestartTimeout
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	before, err := r.now(limited, name)
	if err != nil {
		return err
	}
	begin(o, before)
	before, started, err := r.awaitJob(limited, before, limit/2)
	if err != nil || started || isTheRestart(o, before) {
		return err
	}
	if before.ActiveState != systemd.StateActive {
		defer r.units.Hold(limited, name)() // for what it has to say if it does not start
	}
	begun := time.Now()
	var resetErr error
	if !before.StartsForgotten {
		resetErr = r.units.ResetFailed(limited, name)
	}
	if err := r.units.Restart(limited, name); err != nil {
		if resetErr != nil {
			err = fmt.Errorf("%w; before that: %v", err, resetErr) //nolint:errorlint // what counts is how the job ended
		}
		return explain(ctx, limited, before.ID, limit, begun, err)
	}
	after, err := r.units.Running(limited, name)
	if err == nil && (after.ActiveState == systemd.StateFailed || after.ActiveState == systemd.StateInactive) {
		after, err = r.units.Unit(limited, name) // which says how it failed, or why it was not started
	}
	if err != nil {
		return err
	}
	return confirm(before, after, time.Since(begun))
}

// explain adds to the error of a job what helps to understand it.
func explain(ctx, limited context.Context, unit string, limit time.Duration, begun time.Time, err error) error {
	var job *systemd.JobError
	switch {
	case ctx.Err() != nil:
		return err
	case limited.Err() != nil:
		return fmt.Errorf("%w: restart_timeout is %s", err, limit)
	case errors.As(err, &job):
		return endingOf(ctx, unit, begun).explain(err)
	}
	return err
}

// awaitJob waits for a job that the unit already has, for at most patience: it
// is the restart of a predecessor of this daemon that was ended in the middle
// of it, for example, and restarting the unit again would undo half of its
// start. It says whether the unit was started by that job; if so, that was the
// restart.
func (r *Restarter) awaitJob(ctx context.Context, u systemd.Unit, patience time.Duration) (systemd.Unit, bool, error) {
	end := time.NewTimer(patience)
	defer end.Stop()
	look := time.NewTicker(unitLook)
	defer look.Stop()
	for now := u; now.HasJob; {
		select {
		case <-ctx.Done():
			return now, false, fmt.Errorf("stopped waiting for the job of unit %q: %w", u.Name, context.Cause(ctx))
		case <-end.C:
			return now, false, nil
		case <-look.C:
		}
		var err error
		if now, err = r.units.State(ctx, u.Name); err != nil {
			return now, false, err
		}
		if !now.HasJob {
			started := now.ActiveState == systemd.StateActive &&
				(u.ActiveState != systemd.StateActive || u.InvocationID != now.InvocationID)
			return now, started, nil
		}
	}
	return u, false, nil
}

// confirm says whether the unit was restarted, whatever the job's result says:
// each start has an invocation of its own. Whether a unit that was restarted
// stays up is the health check's to say. A start that is left out because a
// condition is not met is done to systemd, and to a oneshot service that looks
// like a start which is over. took is how long ago the job was asked for.
func confirm(before, after systemd.Unit, took time.Duration) error {
	if after.ConditionUnmet && after.ConditionAge <= took {
		return fmt.Errorf("systemd did not start unit %q: a condition of the unit was not met; see systemctl status %s",
			after.Name, after.Name)
	}
	if before.ActiveState == systemd.StateActive && after.ActiveState == systemd.StateInactive && after.Type == "oneshot" {
		return fmt.Errorf("unit %q was active before its restart and is not any more, though the job is done: a condition of the unit may not be met; see systemctl status %s",
			after.Name, after.Name)
	}
	if before.InvocationID != "" && before.InvocationID == after.InvocationID {
		return fmt.Errorf("systemd did not restart unit %q, though its job is done: it is %s as it was before",
			after.Name, after.ActiveState)
	}
	if after.ActiveState == systemd.StateFailed {
		return fmt.Errorf("unit %q failed right after its start: %s", after.Name, after.Result)
	}
	return nil
}
