package daemon

import (
	"errors"
	"log/slog"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
	"monitor_service/internal/logging"
	"monitor_service/internal/notify"
)

// reload reads the configuration again and puts it in force. All of the new is
// built before any of the old is touched: a bad configuration is reported and
// the old one stays. It says whether the new one is in force.
func (d *Daemon) reload() bool {
	if err := d.notify.Reloading(); err != nil {
		d.log.Debug("Cannot tell systemd of the reload, ignoring", "error", err)
	}
	err := d.replace()
	d.countReload(err)
	if err != nil {
		d.sayMistakes(err)
	}
	d.said = d.status()
	if nerr := d.notify.Ready(d.said); nerr != nil {
		d.log.Debug("Cannot tell systemd of the reload's end, ignoring", "error", nerr)
	}
	return err == nil
}

// replace builds all of the new, and only then, with nothing left that could
// fail, puts it in the place of the old.
func (d *Daemon) replace() (err error) {
	cfg, warnings, err := d.load()
	if err != nil {
		return err
	}
	var undo undoStack
	defer func() {
		if err != nil {
			err = errors.Join(err, undo.unwind())
		}
	}()
	// Always anew: certificates may have been renewed under the same names.
	db, err := alarmdb.Open(cfg.Database)
	if err != nil {
		return err
	}
	undo.push("close the new database", db.Close)
	other := cfg.Database.Identity() != d.cfg.Database.Identity()
	// A dry run has no lock, and one that becomes more needs it.
	relock := other || cfg.Monitor.DryRun != d.cfg.Monitor.DryRun
	unlock := d.unlock
	if relock {
		if unlock, err = d.lock(cfg); err != nil {
			return err
		}
		undo.push("unlock the new database", unlock)
	}
	people, err := notify.Prepare(cfg.Notify, d.run)
	if err != nil {
		return err
	}
	server, err := d.otherServer(cfg.Control)
	if err != nil {
		return err
	}
	if server != nil {
		undo.push("close the new control socket", server.Close)
	}
	page, err := d.web.prepare(cfg)
	if err != nil {
		return err
	}
	undo.push("close the new HTTP listener", page.undo)
	if err := d.logs.Reconfigure(cfg.Logging); err != nil {
		return err
	}

	d.useServer(cfg.Control, server)
	d.web.use(page)
	d.cfg = cfg
	spareThreads(cfg.Monitor.MaxParallelRestarts)
	d.people.Apply(people)
	d.units.SetProtectedUnits(cfg.Monitor.ProtectedUnits)
	d.replaceDatabase(db)
	if other {
		d.outage.anew()
	}
	if relock {
		if err := d.unlock(); err != nil {
			d.log.Warn("Cannot unlock the database of the old configuration, ignoring", "error", err)
		}
		d.unlock = unlock
	}
	d.engine.Reconfigure(cfg, d.db, other)
	for _, w := range warnings {
		d.log.Warn("Configuration", "warning", w.String())
	}
	logging.Life(d.log, logging.Reloaded, slog.String("config", cfg.Path), slog.Int("processes", len(cfg.ProcessNames())))
	return nil
}

func (d *Daemon) replaceDatabase(db *alarmdb.DB) {
	old := d.db
	d.db = db
	// Close waits for the queries under way, the loop must not.
	d.background.Go(func() {
		if err := old.Close(); err != nil {
			d.log.Warn("Cannot close the database of the old configuration, ignoring", "error", err)
		}
	})
}

func (d *Daemon) sayMistakes(err error) {
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) {
		logging.Life(d.log, logging.NotReloaded, slog.Any("error", err))
		return
	}
	for _, m := range mistakes {
		d.log.Error("Mistake in the configuration", "mistake", m.String())
	}
	logging.Life(d.log, logging.NotReloaded, slog.String("config", d.cfg.Path), slog.Int("mistakes", len(mistakes)))
}
