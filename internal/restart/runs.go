package restart

import (
	"context"
	"errors"
	"slices"

	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// begin tells whoever asked for a restart which runs of the target there are. A
// run is an invocation of a unit (InvocationID, systemd.exec(5)): of the one
// that is restarted, or of the transient ones that a process or a
// restart_command is started in. What runs outside of a unit is not seen.
func begin(o recovery.Order, units ...systemd.Unit) {
	if o.Unsure || o.Begin == nil {
		return
	}
	var runs []string
	for _, u := range units {
		if u.InvocationID != "" {
			runs = append(runs, u.InvocationID)
		}
	}
	o.Begin(runs)
}

// isTheRestart says whether the unit shows that an earlier attempt, whose end
// was not seen, did restart it. A unit that has a job is not done yet.
func isTheRestart(o recovery.Order, u systemd.Unit) bool {
	return o.Unsure && u.InvocationID != "" && !slices.Contains(o.Before, u.InvocationID) &&
		!u.HasJob && u.ActiveState == systemd.StateActive
}

// beginProcess tells the runs of a process, or, where it may have been restarted
// already, says whether it was. If its unit is still being started, it is
// waited for.
func (r *Restarter) beginProcess(ctx context.Context, o recovery.Order) (done bool, err error) {
	if !r.transient {
		begin(o)
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.Process.RestartTimeout)
	defer cancel()
	u, err := r.units.State(ctx, processUnit(o.Process.Name))
	if err != nil {
		return false, err
	}
	if !o.Unsure {
		begin(o, u)
		return false, nil
	}
	u, _, err = r.awaitJob(ctx, u, o.Process.RestartTimeout/2)
	return err == nil && isTheRestart(o, u), err
}

// beginCustom tells the runs of a restart_command.
func (r *Restarter) beginCustom(ctx context.Context, o recovery.Order) error {
	var units []systemd.Unit
	err := r.eachUnit(ctx, o, func(u systemd.Unit) (bool, error) {
		units = append(units, u)
		return true, nil
	})
	if err != nil {
		return err
	}
	begin(o, units...)
	return nil
}

// mayBeDone says whether an error leaves open what became of the restart: the
// bus was lost or the time was over, and a job already given to systemd goes
// on.
func mayBeDone(err error) bool {
	var job *systemd.JobError
	if errors.As(err, &job) && job.Result == "" {
		return true
	}
	for _, open := range []error{systemd.ErrUnavailable, systemd.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, open) {
			return true
		}
	}
	return false
}
