// Package restart restarts processes: as units of systemd, as bare processes,
// or through a command of the operator's. It decides which of these it is,
// refuses what must not be restarted, and carries one attempt out. How often
// to try, when, and whether it helped is decided elsewhere, by packages
// recovery and healthcheck.
//
// What is started must outlive this daemon. On a host with systemd it
// therefore gets a transient unit of its own: a child of the daemon would stay
// in the daemon's control group and die with it, however it detaches itself.
package restart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync/atomic"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// Units is what the strategies need of systemd. *systemd.Client has it.
type Units interface {
	Unit(ctx context.Context, name string) (systemd.Unit, error)
	State(ctx context.Context, name string) (systemd.Unit, error)
	Running(ctx context.Context, name string) (systemd.Unit, error)
	ResetFailed(ctx context.Context, name string) error
	Restart(ctx context.Context, name string) error
	Stop(ctx context.Context, name string) error
	Kill(ctx context.Context, name string) error
	Hold(ctx context.Context, name string) (release func())
	StartTransient(ctx context.Context, t systemd.Transient) error
}

// Options are what a Restarter is made of.
type Options struct {
	// Units is systemd, or nil on a host that was not booted with it.
	Units Units
	Table *proctable.Table
	// Run runs pre_restart_command; nil is command.Run.
	Run command.Runner
	// OwnUnit is the unit that this daemon runs in, empty where it is none.
	OwnUnit string
	// ProtectedUnits are the patterns of config.Monitor.
	ProtectedUnits []string
	// Known are the units that processes were restarted as before, by a
	// predecessor of this daemon.
	Known map[string]string
}

// Restarter implements recovery.Restarter. It is safe for concurrent use.
type Restarter struct {
	units   Units
	table   *proctable.Table
	run     command.Runner
	ownUnit string
	known   known
	// protected changes with a reload.
	protected atomic.Pointer[[]string]
	// transient says that what is started gets a unit of its own. Only root
	// may start units; another user's daemon starts children, which end
	// with it where systemd runs it.
	transient bool
	children  *children
	glances   glances
	// settle is how long a started process is watched: one that ends with
	// an error meanwhile has not started.
	settle time.Duration
}

const settleTime = time.Second

var _ recovery.Restarter = (*Restarter)(nil)

// New returns a Restarter; Close ends it.
func New(o Options) *Restarter {
	r := &Restarter{
		units:     o.Units,
		table:     o.Table,
		run:       o.Run,
		ownUnit:   o.OwnUnit,
		known:     known{of: map[string]string{}},
		transient: o.Units != nil && os.Geteuid() == 0,
		children:  newChildren(),
		glances:   glances{of: map[string]glance{}},
		settle:    settleTime,
	}
	if r.run == nil {
		r.run = command.Run
	}
	maps.Copy(r.known.of, o.Known)
	r.SetProtectedUnits(o.ProtectedUnits)
	return r
}

// SetProtectedUnits changes which units are protected, as a reload does. A
// recovery under way goes on with the answer it got.
func (r *Restarter) SetProtectedUnits(patterns []string) {
	own := append([]string(nil), patterns...)
	r.protected.Store(&own)
}

// Close ends the reaping of the processes that were started without systemd,
// and waits for its goroutine. The processes themselves live on and are not
// waited for: they are services, and init adopts them when this daemon ends.
// No restart may be under way.
func (r *Restarter) Close() { r.children.close() }

// Prepare implements recovery.Restarter.
func (r *Restarter) Prepare(ctx context.Context, o recovery.Order) error {
	line, err := command.Expand(o.Process.PreRestartCommand, o.Process.Name)
	if err != nil || line == "" {
		return err
	}
	_, err = r.run(ctx, spec("pre_restart_command", line, o.Process.PreRestartTimeout, o))
	if failed, ok := errors.AsType[*command.Error](err); ok && failed.Kind != command.KindStart {
		return err // it was run, or may have been
	}
	return away(err)
}

// away tells an error that says nothing about the process from the others.
func away(err error) error {
	if errors.Is(err, systemd.ErrUnavailable) {
		return recovery.Away(err)
	}
	return err
}

func spec(key, line string, timeout time.Duration, o recovery.Order) command.Spec {
	return command.Spec{
		Key: key, Line: line, Timeout: timeout,
		Process: o.Process.Name, ID: o.ID, Attempt: o.Attempt,
	}
}

// Restart implements recovery.Restarter.
func (r *Restarter) Restart(ctx context.Context, o recovery.Order) error {
	var err error
	switch o.Target.Strategy {
	case config.StrategyService:
		err = r.restartService(ctx, o)
	case config.StrategyProcess:
		err = r.restartProcess(ctx, o)
	case config.StrategyCustom:
		err = r.restartCustom(ctx, o)
	case config.StrategyAuto, config.StrategyUnknown:
		err = fmt.Errorf("cannot restart %s: the strategy %s is none that restarts",
			command.Quote(o.Process.Name), o.Target.Strategy)
	}
	switch {
	case forGood(err):
		return fmt.Errorf("%w: %w", recovery.ErrPermanent, err)
	case mayBeDone(err):
		return away(fmt.Errorf("%w: %w", err, recovery.ErrUnsure))
	}
	return err
}

// forGood says whether an error will be the same at every later attempt. A
// refusal is: what to restart is decided anew by the next recovery.
func forGood(err error) bool {
	if _, refused := errors.AsType[*recovery.Refusal](err); refused {
		return true
	}
	for _, known := range []error{systemd.ErrDenied, systemd.ErrMasked, systemd.ErrNoSuchUnit, os.ErrPermission, errRunAs} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
