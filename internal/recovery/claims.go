package recovery

import (
	"context"
	"time"

	"monitor_service/internal/config"
)

// claims sees to it that one unit is restarted once at a time and once for the
// alarms that stood when it was restarted, under however many names the
// database knows it: as itself, with its suffix, by an alias, by the "unit" of
// several sections. It is guarded by the engine's lock.
type claims struct {
	// held has a channel for each unit in recovery, closed at its end.
	held map[string]chan struct{}
	// restored is when a unit's last restart was verified.
	restored map[string]time.Time
}

func newClaims() claims {
	return claims{held: make(map[string]chan struct{}), restored: make(map[string]time.Time)}
}

// claim waits until no other recovery has the target's unit, and returns when
// its last restart was verified, zero where there was none. The claim must
// be released, unless the context ended first.
func (e *Engine) claim(ctx context.Context, target Target) (restored time.Time, err error) {
	if target.Strategy != config.StrategyService {
		return time.Time{}, nil
	}
	for {
		e.mu.Lock()
		other, taken := e.claims.held[target.Unit]
		if !taken {
			e.claims.held[target.Unit] = make(chan struct{})
			restored = e.claims.restored[target.Unit]
			e.mu.Unlock()
			return restored, nil
		}
		e.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// release gives the unit back. restored is when its restart was verified, zero
// where it was not.
func (e *Engine) release(target Target, restored time.Time) {
	if target.Strategy != config.StrategyService {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.claims.held[target.Unit])
	delete(e.claims.held, target.Unit)
	if !restored.IsZero() {
		e.claims.restored[target.Unit] = restored
	}
}

// forget drops what no alarm that still stands can ask for: one that was seen
// before then has had its recovery by now.
func (c claims) forget(before time.Time) {
	for unit, at := range c.restored {
		if at.Before(before) {
			delete(c.restored, unit)
		}
	}
}
