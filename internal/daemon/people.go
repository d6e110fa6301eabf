package daemon

import (
	"context"
	"log/slog"
	"time"

	"monitor_service/internal/notify"
)

// notifyGrace is how long the last notifications may take when the daemon
// stops. It fits into the unit's TimeoutStopSec of 60 s beside stopGrace.
const notifyGrace = 10 * time.Second

// newPeople starts the notifications, which are off unless a channel is
// configured.
func (d *Daemon) newPeople() error {
	settings, err := notify.Prepare(d.cfg.Notify, d.run)
	if err != nil {
		return err
	}
	d.people = notify.New(settings, d.sayNotification)
	d.undo.push("end the notifications", func() error { d.closePeople(context.Background()); return nil })
	return nil
}

// closePeople sends what is left to be told, in a time of its own: that of ctx
// may be over when the last recovery has ended. Doing it again does no harm.
func (d *Daemon) closePeople(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyGrace)
	defer cancel()
	d.people.Close(ctx)
}

// sayNotification writes the line about a channel that does not work, or works
// again.
func (d *Daemon) sayNotification(r notify.Report) {
	channel := slog.String("channel", r.Channel.String())
	switch r.Kind {
	case notify.Failing:
		d.log.Warn("Notification cannot be sent, will retry", "event", "notify_failing", channel, "error", r.Err)
	case notify.Lost:
		d.log.Error("Notification cannot be sent and is given up", "event", "notify_lost", channel, "error", r.Err, "lost", r.Events)
	case notify.Working:
		d.log.Info("Notifications are sent again", "event", "notify_working", channel, "took", r.Took, "lost", r.Events)
	case notify.ReportUnknown:
	}
}
