package daemon

import (
	"context"
	"time"

	"monitor_service/internal/recovery"
	"monitor_service/internal/restart"
	"monitor_service/internal/systemd"
)

const (
	// stopGrace is how long recoveries under way may go on after SIGTERM. It
	// leaves the strategies time to end what they began within the unit's
	// TimeoutStopSec of 60 s.
	stopGrace = 25 * time.Second
	// stopStep is how often a daemon that stops tells systemd that it is at
	// it, and stopAhead for how long each time.
	stopStep  = 5 * time.Second
	stopAhead = 3 * stopStep
)

// stop ends the engine and walks back what New set up, feeding the watchdog
// meanwhile.
func (d *Daemon) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.engine.Stop(ctx)
		d.closePeople(ctx)
		d.background.Wait()
	}()
	d.feedUntil(done, ctx.Done())
	d.log.Info("Stopped")
	return d.undo.unwind()
}

// feedUntil keeps systemd patient until done is closed: a process that was
// asked to end, and takes its stop_timeout for it, must be started again
// before this daemon ends, however long the unit's TimeoutStopSec is. But it
// is kept patient no longer than what is under way at the end of the grace may
// need, so that a recovery which hangs holds up no shutdown of the host.
func (d *Daemon) feedUntil(done, graceOver <-chan struct{}) {
	every := stopStep
	if w := systemd.WatchdogInterval(); w > 0 {
		every = min(every, w)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	var limit <-chan time.Time // from the end of the grace on
	patient := true
	for {
		select {
		case <-done:
			return
		case <-graceOver:
			graceOver = nil
			timer := time.NewTimer(stopRest(d.engine.UnderWay()))
			defer timer.Stop()
			limit = timer.C
		case <-limit:
			patient = false
			d.log.Error("Recoveries do not end, systemd is asked for no more time", "recoveries", len(d.engine.UnderWay()))
		case <-t.C:
			d.feed()
			if patient {
				d.extend()
			}
		}
	}
}

func (d *Daemon) extend() {
	if err := d.notify.ExtendTimeout(stopAhead); err != nil {
		d.log.Debug("Cannot ask systemd for more time, will retry", "error", err)
	}
}

// stopRest is how long stopping may take when the grace is over and work was
// still under way: the recoveries side by side, then the last write-backs and
// notifications.
func stopRest(work []recovery.Work) time.Duration {
	longest := time.Duration(0)
	for _, w := range work {
		longest = max(longest, restart.Longest(w.Process, w.Target))
	}
	return longest + recovery.LastWriteBacks + notifyGrace
}
