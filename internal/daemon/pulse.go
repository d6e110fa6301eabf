package daemon

import (
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// beatEvery is how often the loop turns when nothing happens.
	beatEvery = 2 * time.Second
	// beatLimit is how long a turn may take. It is more than a reload or a
	// poll with thousands of alarms needs, and less than the unit's
	// WatchdogSec of 60 s, after which systemd kills the daemon: /healthz
	// says it first.
	beatLimit = 15 * time.Second
)

// pulse is the loop's sign of life. The watchdog is fed by the same loop, so
// that both mean the same.
type pulse struct{ last atomic.Pointer[time.Time] }

func (p *pulse) beat(now time.Time) { p.last.Store(&now) }

// check returns an error where the loop hangs.
func (p *pulse) check(now time.Time) error {
	last := p.last.Load()
	if last == nil {
		return fmt.Errorf("the daemon has not begun yet")
	}
	if since := now.Sub(*last); since > beatLimit {
		return fmt.Errorf("the daemon's loop has hung for %s", since.Round(time.Second))
	}
	return nil
}
