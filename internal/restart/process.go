package restart

import (
	"context"
	"errors"
	"fmt"
	"os"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// maxRounds bounds how often a process is looked for and ended. A second round
// finds what the first one's processes forked in between; a process that is
// there after the last is started by somebody.
const maxRounds = 4

// restartProcess ends the processes of the name and starts one. Nothing is
// touched if it is known beforehand that the start would fail. From the first
// signal on, the daemon's stopping does not stop this: half a restart would
// leave dead what was only sick.
func (r *Restarter) restartProcess(ctx context.Context, o recovery.Order) error {
	who, err := r.checkStart(ctx, o.Process)
	if err != nil {
		return err
	}
	// Since it was resolved, systemd may have started a unit with it.
	if err := r.checkForeign(ctx, o.Process); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if done, err := r.beginProcess(ctx, o); err != nil || done {
		return err
	}
	if err := r.stopProcess(ctx, o.Process); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, o.Process.RestartTimeout)
	defer cancel()
	if r.transient {
		return r.startUnit(limited, o)
	}
	return r.startChild(limited, o, who)
}

// checkStart finds out what of a start can be known to fail. Of a unit that is
// little: systemd sees users and directories that this daemon's sandbox and
// its own user look-up do not.
func (r *Restarter) checkStart(ctx context.Context, p config.Process) (identity, error) {
	if r.transient {
		return identity{}, checkUser(ctx, p.RunAs)
	}
	who, err := resolveRunAs(p.RunAs)
	if err != nil {
		return who, err
	}
	if info, err := os.Stat(workingDirectory(p)); err != nil {
		return who, fmt.Errorf("cannot start %q: working_directory: %w", p.Name, err)
	} else if !info.IsDir() {
		return who, fmt.Errorf("cannot start %q: working_directory %q is no directory", p.Name, p.WorkingDirectory)
	}
	return who, nil
}

func workingDirectory(p config.Process) string {
	if p.WorkingDirectory == "" {
		return "/"
	}
	return p.WorkingDirectory
}

// stopProcess ends the process wherever it runs: what an earlier restart
// started has a unit, and ends with all of its children.
func (r *Restarter) stopProcess(ctx context.Context, p config.Process) error {
	patience := p.StopLimit()
	if r.transient {
		if err := r.stopUnit(ctx, processUnit(p.Name), patience); err != nil {
			return err
		}
	}
	for range maxRounds {
		procs, err := r.table.Find(p.Name)
		if err != nil {
			return fmt.Errorf("cannot stop process %q: %w", p.Name, err)
		}
		if len(procs) == 0 {
			return nil
		}
		if err := r.table.Terminate(ctx, procs, patience); err != nil {
			return fmt.Errorf("cannot stop process %q: %w", p.Name, err)
		}
	}
	procs, err := r.table.Find(p.Name)
	if err == nil && len(procs) > 0 {
		err = errors.New("it comes back as soon as it is stopped: something else starts it")
	}
	if err != nil {
		return fmt.Errorf("cannot stop process %q: %w", p.Name, err)
	}
	return nil
}
