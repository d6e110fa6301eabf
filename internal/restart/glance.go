package restart

import (
	"context"
	"maps"
	"sync"
	"time"

	"monitor_service/internal/systemd"
)

// glanceLife is how long what was seen of a unit is as good as another look: no
// longer than one takes on a busy host. What was looked at may change in any
// case before it is acted on.
const glanceLife = 50 * time.Millisecond

// glances are what Resolve has seen of units, for restarts that follow at once.
// Each is good for one restart.
type glances struct {
	mu sync.Mutex
	of map[string]glance
}

type glance struct {
	unit systemd.Unit
	at   time.Time
}

// keep remembers a unit as it was asked for at a time. What no restart has
// followed goes with its time.
func (g *glances) keep(u systemd.Unit, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.of, func(_ string, old glance) bool { return at.Sub(old.at) >= glanceLife })
	g.of[u.Name] = glance{unit: u, at: at}
}

func (g *glances) take(name string, now time.Time) (u systemd.Unit, fresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen, ok := g.of[name]
	delete(g.of, name)
	return seen.unit, ok && now.Sub(seen.at) < glanceLife
}

// now is what a unit is like before its restart.
func (r *Restarter) now(ctx context.Context, name string) (systemd.Unit, error) {
	if u, fresh := r.glances.take(name, time.Now()); fresh {
		return u, nil
	}
	return r.units.State(ctx, name)
}
