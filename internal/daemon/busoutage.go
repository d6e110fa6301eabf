package daemon

import (
	"sync/atomic"
	"time"

	"monitor_service/internal/recovery"
)

// busOutage keeps the books of a systemd that cannot be reached, in which
// recoveries of units wait.
type busOutage struct {
	// since is nil while it can be reached.
	since atomic.Pointer[time.Time]
	// over asks the loop for a poll: what has waited goes on. Its capacity is 1.
	over chan struct{}
}

// heed is told by the client of systemd, see systemd.Client.OnOutage.
func (o *busOutage) heed(err error, emit func(recovery.Event)) {
	now := time.Now()
	if err != nil {
		o.since.Store(&now)
		emit(recovery.Event{Kind: recovery.SystemdLost, At: now, Err: err})
		return
	}
	began := o.since.Swap(nil)
	emit(recovery.Event{Kind: recovery.SystemdBack, At: now, Took: now.Sub(*began)})
	select {
	case o.over <- struct{}{}:
	default:
	}
}
