package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"monitor_service/internal/config"
)

// aliveUnit is a unit that each systemd has: it runs in it itself.
const aliveUnit = "init.scope"

var errStopping = errors.New("the daemon is stopping")

// Alive implements web.Daemon: an error says that the daemon hangs. The
// database has no part in it, as restarting the daemon would not mend that.
func (k *desk) Alive() error {
	select {
	case <-k.d.ended:
		return errStopping
	default:
		return k.d.pulse.check(time.Now())
	}
}

// Ready implements web.Daemon: an error says that an alarm which is raised now
// would not be seen, or not be acted upon. A pause, dry_run and open breakers
// are no such thing: somebody wants them, and they are in the status.
func (k *desk) Ready(ctx context.Context) error {
	v := k.d.shown.Load()
	if err := v.polls(time.Now()); err != nil {
		return err
	}
	// No strategy does without it, where there is one: what commands start gets
	// a unit of its own, and custom looks whether its target has one.
	if k.d.systemd == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if _, err := k.d.systemd.Unit(ctx, aliveUnit); err != nil {
		return fmt.Errorf("systemd cannot be asked to restart anything: %w", err)
	}
	return nil
}

// polls returns an error where the database is not read as often as it should.
func (v *view) polls(now time.Time) error {
	limit := v.cfg.Monitor.CheckInterval + v.cfg.Database.ConnectTimeout + v.cfg.Database.QueryTimeout + beatLimit
	switch since := now.Sub(v.lastPoll); {
	case v.down():
		return fmt.Errorf("%s cannot be read since %s: %w", v.db, v.downSince.Format(time.DateTime), v.outage)
	case v.lastPoll.IsZero():
		return errors.New("the first poll is under way")
	case since > limit:
		return fmt.Errorf("%s was read %s ago, and is to be read every %s", v.db, since.Round(time.Second), config.ShortDuration(v.cfg.Monitor.CheckInterval))
	}
	return nil
}
