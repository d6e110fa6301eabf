package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"monitor_service/internal/logging"
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
		return fmt.Errorf("%w: %w", ErrSettings, err)
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
	say := func(e logging.ChannelEvent, more ...slog.Attr) {
		logging.Channel(d.log, e, r.Channel.String(), more...)
	}
	switch r.Kind {
	case notify.Failing:
		say(logging.ChannelFailing, slog.Any("error", r.Err))
	case notify.Lost:
		say(logging.ChannelLost, slog.Any("error", r.Err), slog.Int("lost", r.Events))
	case notify.Partly:
		say(logging.ChannelPartly, slog.Any("error", r.Err))
	case notify.Working:
		say(logging.ChannelWorking, slog.Duration("took", r.Took), slog.Int("lost", r.Events))
	case notify.ReportUnknown:
	}
}
