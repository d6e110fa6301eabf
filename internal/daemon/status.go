package daemon

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"monitor_service/internal/logging"
)

// status says in one line what is going on, for systemctl status.
func (d *Daemon) status() string {
	if d.outage.isOn() {
		return fmt.Sprintf("Degraded: %s unreachable since %s, retrying",
			d.db, d.outage.since.Format(time.DateTime))
	}
	if since := d.bus.since.Load(); since != nil {
		return fmt.Sprintf("Degraded: systemd unreachable since %s, retrying", since.Format(time.DateTime))
	}
	s := d.engine.Summary()
	var b strings.Builder
	fmt.Fprintf(&b, "Polling every %s", d.cfg.Monitor.CheckInterval)
	if d.lastPoll.IsZero() {
		b.WriteString(", first poll under way")
	}
	fmt.Fprintf(&b, ": %d in alarm, %d recovering", s.Alarms, s.Running)
	for _, part := range []struct {
		n    int
		text string
	}{
		{s.Queued, "waiting for a place"},
		{s.OpenBreakers, "breakers open"},
		{s.OwedWriteBacks, "write-backs owed"},
	} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.text)
		}
	}
	if s.ReadOnly {
		b.WriteString(", read-only")
	}
	if d.cfg.Monitor.DryRun {
		b.WriteString(", dry run")
	}
	return b.String()
}

// tellStatus tells systemd the status where it has changed.
func (d *Daemon) tellStatus() {
	s := d.status()
	if s == d.said {
		return
	}
	d.said = s
	if err := d.notify.Status(s); err != nil {
		d.log.Debug("Cannot tell systemd the status, ignoring", "error", err)
	}
}

func (d *Daemon) feed() (fed bool) {
	err := d.notify.Watchdog()
	if err != nil {
		d.log.Debug("Cannot feed the watchdog, will retry", "error", err)
	}
	return err == nil
}

// sayStarted writes the one line that tells what this daemon is and does.
func (d *Daemon) sayStarted() {
	logging.Life(d.log, logging.Started, slog.String("version", d.opts.Version), slog.String("config", d.cfg.Path),
		slog.String("database", d.db.String()), slog.Duration("check_interval", d.cfg.Monitor.CheckInterval),
		slog.Int("processes", len(d.cfg.ProcessNames())), slog.Bool("dry_run", d.cfg.Monitor.DryRun))
}
