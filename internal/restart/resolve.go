package restart

import (
	"context"
	"errors"
	"fmt"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// Resolve implements recovery.Restarter. Names that may not be acted upon are
// refused before anything else, systemd included, gets to see them.
func (r *Restarter) Resolve(ctx context.Context, p config.Process) (recovery.Target, error) {
	target, err := r.resolve(ctx, p)
	if err == nil && r.transient && target.Unit == "" {
		// It is started in a unit of its own.
		if _, err := r.units.State(ctx, processUnit(p.Name)); errors.Is(err, systemd.ErrUnavailable) {
			return recovery.Target{}, away(err)
		}
	}
	return target, away(err)
}

func (r *Restarter) resolve(ctx context.Context, p config.Process) (recovery.Target, error) {
	if err := r.checkName(p); err != nil {
		return recovery.Target{}, err
	}
	switch p.Strategy {
	case config.StrategyService:
		return r.resolveService(ctx, p)
	case config.StrategyProcess:
		return r.resolveProcess(ctx, p)
	case config.StrategyCustom:
		return r.resolveCustom(ctx, p)
	case config.StrategyAuto:
		target, err := r.resolveAuto(ctx, p)
		if target.Unit != "" {
			r.known.keep(p.Name, target.Unit)
		}
		return target, err
	case config.StrategyUnknown:
	}
	return recovery.Target{}, fmt.Errorf("cannot restart %s: its restart_strategy is unknown", command.Quote(p.Name))
}

func (r *Restarter) resolveService(ctx context.Context, p config.Process) (recovery.Target, error) {
	name := unitName(p)
	if r.units == nil {
		return recovery.Target{}, refuse(recovery.ReasonNoUnit,
			"cannot restart unit %q: this host does not run systemd", name)
	}
	asked := time.Now()
	u, err := r.lookUp(ctx, p, name, r.units.State)
	if err != nil {
		return recovery.Target{}, err
	}
	if u.LoadState == systemd.LoadNotFound {
		return recovery.Target{}, refuse(recovery.ReasonNoUnit,
			"systemd does not know unit %q: set unit, or another restart_strategy, in [process.%s]", name, plain(p.Name))
	}
	r.glances.keep(u, asked)
	return recovery.Target{Strategy: config.StrategyService, Unit: name}, nil
}

// resolveAuto is service where systemd knows the unit in whatever state. Where
// systemd says that there is none, the running processes tell. Not knowing what systemd
// would say is a failure: a bare process could be the second one beside the
// unit's.
func (r *Restarter) resolveAuto(ctx context.Context, p config.Process) (recovery.Target, error) {
	name := unitName(p)
	if r.units == nil || name == "" {
		return r.resolveProcess(ctx, p)
	}
	asked := time.Now()
	u, err := r.lookUp(ctx, p, name, r.units.State)
	if err != nil {
		return recovery.Target{}, err
	}
	switch {
	case u.LoadState == systemd.LoadLoaded:
		r.glances.keep(u, asked)
		return recovery.Target{Strategy: config.StrategyService, Unit: name}, nil
	case p.Unit != "" && !p.OwnStartCommand && r.known.unit(p.Name) == name:
		return recovery.Target{}, gone(p, name)
	case p.Unit != "" || p.OwnStartCommand:
		return r.resolveProcess(ctx, p) // Its section says what it is.
	}
	return r.resolveRunning(ctx, p)
}

func (r *Restarter) resolveProcess(ctx context.Context, p config.Process) (recovery.Target, error) {
	line := p.StartCommand
	if line == "" {
		line = "%s" // The name is the command, if it may be one.
		if hostCommand(p.Name) && !p.Configured {
			return recovery.Target{}, refuse(recovery.ReasonProtected,
				"%q as a command would act on the whole host or on its logins: give it a section with a start_command if it is meant", p.Name)
		}
	}
	line, err := command.Expand(line, p.Name)
	if err != nil {
		return recovery.Target{}, &recovery.Refusal{Reason: recovery.ReasonUnsafeName, Detail: err.Error()}
	}
	if err := r.checkGroups(p); err != nil {
		return recovery.Target{}, err
	}
	if err := r.checkForeign(ctx, p); err != nil {
		return recovery.Target{}, err
	}
	return recovery.Target{Strategy: config.StrategyProcess, Command: line}, nil
}

func (r *Restarter) resolveCustom(ctx context.Context, p config.Process) (recovery.Target, error) {
	if p.RestartCommand == "" {
		return recovery.Target{}, fmt.Errorf("cannot restart %q: strategy custom has no restart_command", p.Name)
	}
	line, err := command.Expand(p.RestartCommand, p.Name)
	if err != nil {
		return recovery.Target{}, &recovery.Refusal{Reason: recovery.ReasonUnsafeName, Detail: err.Error()}
	}
	target := recovery.Target{Strategy: config.StrategyCustom, Command: line}
	name := unitName(p)
	if r.units == nil || name == "" || isTemplate(name) || !systemd.IsService(name) && p.Unit == "" {
		return target, nil // There is no unit to check.
	}
	u, err := r.units.State(ctx, name)
	if err != nil {
		return recovery.Target{}, fmt.Errorf("cannot find out how to check %q: %w", p.Name, err)
	}
	if err := r.checkUnit(p, u); err != nil {
		return recovery.Target{}, err
	}
	if u.LoadState == systemd.LoadLoaded {
		target.Unit = name
	}
	return target, nil
}

// look is one of the two questions about a unit, State and Unit of Units.
type look func(ctx context.Context, name string) (systemd.Unit, error)

// lookUp asks systemd about a unit that is to be restarted, and returns one
// that is loaded or not found.
func (r *Restarter) lookUp(ctx context.Context, p config.Process, name string, ask look) (systemd.Unit, error) {
	u, err := ask(ctx, name)
	if err != nil {
		return u, fmt.Errorf("cannot find out how to restart %s: %w", command.Quote(p.Name), err)
	}
	if err := r.checkUnit(p, u); err != nil {
		return u, err
	}
	switch u.LoadState {
	case systemd.LoadLoaded, systemd.LoadNotFound:
		return u, nil
	case systemd.LoadMasked:
		return u, refuse(recovery.ReasonMasked, "unit %q is masked: \"systemctl unmask %s\" lifts that", name, name)
	case systemd.LoadBadSetting, systemd.LoadError:
		return u, refuse(recovery.ReasonBadUnit,
			"systemd cannot load unit %q (%s): \"systemctl status %s\" says why", name, u.LoadState, name)
	case systemd.LoadStub, systemd.LoadMerged, systemd.LoadUnknown:
	}
	return u, fmt.Errorf("cannot restart unit %q: systemd calls it %s", name, u.LoadState)
}

func refuse(reason recovery.Reason, format string, args ...any) error {
	return &recovery.Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
