package daemon

import (
	"context"

	"monitor_service/internal/alarmdb"
)

// advise says once for each database that a poll of it reads a whole table, and
// which index keeps it from that. It asks beside the loop, after the first poll
// that was answered. A server that does not say how it polls gets no advice.
func (l *loop) advise(ctx context.Context) {
	d := l.d
	identity := d.cfg.Database.Identity()
	if l.advised == identity {
		return
	}
	l.advised = identity
	db := d.db
	d.background.Go(func() {
		scans, err := db.PollScans(ctx)
		if err != nil {
			d.log.Debug("Cannot find out how the alarms are read, ignoring", "error", err)
			return
		}
		if scans {
			d.log.Warn("Each poll reads the whole table for want of an index", "database", db.String(),
				"add", alarmdb.AlarmIndex)
		}
	})
}
