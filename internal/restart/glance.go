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
	// times is how often glanceLife fits into a glance's life; 0 is once.
	times time.Duration
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
	maps.DeleteFunc(g.of, func(_ string, old glance) bool { return at.Sub(old.at) >= g.life() })
	g.of[u.Name] = glance{unit: u, at: at}
}

func (g *glances) take(name string, now time.Time) (u systemd.Unit, fresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen, ok := g.of[name]
	delete(g.of, name)
	return seen.unit, ok && now.Sub(seen.at) < g.life()
}

// life is called with the lock held.
func (g *glances) life() time.Duration { return max(1, g.times) * glanceLife }

// StretchGlances makes what was seen of a unit good for so many times as long.
// It is for those who count the looks of a recovery, on a machine that may be as
// slow as it likes.
func (r *Restarter) StretchGlances(times int) {
	r.glances.mu.Lock()
	defer r.glances.mu.Unlock()
	r.glances.times = time.Duration(times)
}

// now is what a unit is like before its restart.
func (r *Restarter) now(ctx context.Context, name string) (systemd.Unit, error) {
	if u, fresh := r.glances.take(name, time.Now()); fresh {
		return u, nil
	}
	return r.units.State(ctx, name)
}
