package restart

import (
	"context"
	"errors"
	"testing"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv"
)

// unreachable is a systemd that cannot be reached.
type unreachable struct{ recorder }

func (*unreachable) Unit(context.Context, string) (systemd.Unit, error) {
	return systemd.Unit{}, systemd.ErrUnavailable
}

func (u *unreachable) State(ctx context.Context, name string) (systemd.Unit, error) {
	return u.Unit(ctx, name)
}

// It is found out before anything is tried, whatever the strategy.
func TestASystemdThatIsAwayIsSeenBeforeARestart(t *testing.T) {
	testenv.NeedRoot(t, "only it starts processes in units")
	for _, strategy := range []config.Strategy{config.StrategyService, config.StrategyProcess, config.StrategyCustom, config.StrategyAuto} {
		r := New(Options{Units: &unreachable{}, Table: newTable(t)})
		p := process("dead-process-of-nobody")
		p.Strategy, p.RestartCommand, p.StartCommand = strategy, "true", "true"
		target, err := r.Resolve(t.Context(), p)
		r.Close()
		if !errors.Is(err, recovery.ErrAway) || target != (recovery.Target{}) {
			t.Errorf("%s: got %+v, %v", strategy, target, err)
		}
	}
}

// A preparation that was run, or may have been, is not run again for nothing.
func TestAPreparationIsAwayOnlyWhereItWasNotRun(t *testing.T) {
	for kind, want := range map[command.Kind]bool{command.KindStart: true, command.KindUnknown: false, command.KindTimeout: false} {
		r := New(Options{Table: newTable(t), Run: func(context.Context, command.Spec) (string, error) {
			return "", &command.Error{Kind: kind, Err: systemd.ErrUnavailable}
		}})
		p := process("prepared")
		p.PreRestartCommand = "true"
		err := r.Prepare(t.Context(), recovery.Order{Process: p})
		r.Close()
		if err == nil || errors.Is(err, recovery.ErrAway) != want {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}
