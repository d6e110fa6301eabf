package restart

import (
	"context"
	"errors"
	"slices"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// Runs implements recovery.Restarter. A run is an invocation of the unit that
// is restarted, or of the transient one that a process or a restart_command is
// started in (InvocationID, systemd.exec(5)). What runs outside of a unit is
// not seen.
func (r *Restarter) Runs(ctx context.Context, o recovery.Order) ([]string, error) {
	var runs []string
	add := func(u systemd.Unit) {
		if u.InvocationID != "" {
			runs = append(runs, u.InvocationID)
		}
	}
	switch {
	case o.Target.Strategy == config.StrategyService:
		u, err := r.units.Unit(ctx, o.Target.Unit)
		add(u)
		return runs, err
	case !r.transient:
	case o.Target.Strategy == config.StrategyProcess:
		u, err := r.units.Unit(ctx, processUnit(o.Process.Name))
		add(u)
		return runs, err
	case o.Target.Strategy == config.StrategyCustom:
		err := r.eachUnit(ctx, o, func(u systemd.Unit) (bool, error) {
			add(u)
			return true, nil
		})
		return runs, err
	}
	return nil, nil
}

// isTheRestart says whether the unit shows that an earlier attempt, whose end
// was not seen, did restart it. A unit that has a job is not done yet.
func isTheRestart(o recovery.Order, u systemd.Unit) bool {
	return o.Unsure && u.InvocationID != "" && !slices.Contains(o.Before, u.InvocationID) &&
		!u.HasJob && u.ActiveState == systemd.StateActive
}

// processDone says the same of the unit that a process is started in. If that
// is still being started, it is waited for.
func (r *Restarter) processDone(ctx context.Context, o recovery.Order) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Process.RestartTimeout)
	defer cancel()
	u, err := r.units.Unit(ctx, processUnit(o.Process.Name))
	if err != nil {
		return false, err
	}
	u, _, err = r.awaitJob(ctx, u, o.Process.RestartTimeout/2)
	return err == nil && isTheRestart(o, u), err
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
