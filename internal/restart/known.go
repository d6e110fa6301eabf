package restart

import (
	"context"
	"sync"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// maxKnown bounds the names that are remembered with a unit: they come from the
// database, and a template has an instance for any of them.
const maxKnown = 10_000

// known are the processes for which strategy auto has found a unit, and which
// one. Its file may be away for a moment, as when its package is upgraded; a
// bare process that is started meanwhile would be the second one when the file
// is back.
type known struct {
	mu sync.Mutex
	of map[string]string
}

func (k *known) keep(process, unit string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.of[process]; ok || len(k.of) < maxKnown {
		k.of[process] = unit
	}
}

func (k *known) unit(process string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[process]
}

// resolveUnitless is for a process that is in no unit now and has none of its
// name.
func (r *Restarter) resolveUnitless(ctx context.Context, p config.Process, runs bool) (recovery.Target, error) {
	name := r.known.unit(p.Name)
	if name == "" {
		return r.resolveProcess(ctx, p)
	}
	u, err := r.lookUp(ctx, p, name, r.units.State)
	switch {
	case err != nil:
		return recovery.Target{}, err
	case u.LoadState == systemd.LoadNotFound:
		return recovery.Target{}, gone(p, name)
	case runs:
		return r.resolveProcess(ctx, p) // Somebody has started it beside its unit.
	}
	return recovery.Target{Strategy: config.StrategyService, Unit: name}, nil
}

// gone is the refusal of a process whose unit was there before.
func gone(p config.Process, unit string) error {
	return refuse(recovery.ReasonNoUnit,
		"systemd does not know unit %q any more, in which %s was: bring its file back and run \"systemctl daemon-reload\", "+
			"or set restart_strategy = process in [process.%s]", unit, command.Quote(p.Name), plain(p.Name))
}
