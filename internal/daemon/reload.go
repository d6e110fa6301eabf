package daemon

import (
	"errors"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
)

// reload reads the configuration again and puts it in force. All of the new is
// built before any of the old is touched: a bad configuration is reported and
// the old one stays. It says whether the new one is in force.
func (d *Daemon) reload() bool {
	if err := d.notify.Reloading(); err != nil {
		d.log.Debug("Cannot tell systemd of the reload, ignoring", "error", err)
	}
	err := d.replace()
	if err != nil {
		d.sayMistakes(err)
	}
	d.said = d.status()
	if nerr := d.notify.Ready(d.said); nerr != nil {
		d.log.Debug("Cannot tell systemd of the reload's end, ignoring", "error", nerr)
	}
	return err == nil
}

func (d *Daemon) replace() error {
	cfg, warnings, err := d.load()
	if err != nil {
		return err
	}
	var db *alarmdb.DB
	if cfg.Database != d.cfg.Database {
		if db, err = alarmdb.Open(cfg.Database); err != nil {
			return err
		}
	}
	server, err := d.otherServer(cfg.Control)
	if err == nil {
		err = d.logs.Reconfigure(cfg.Logging)
	}
	if err != nil {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
		if server != nil {
			err = errors.Join(err, server.Close())
		}
		return err
	}
	d.useServer(cfg.Control, server)
	d.cfg = cfg
	d.units.SetProtectedUnits(cfg.Monitor.ProtectedUnits)
	if db == nil {
		d.engine.Reconfigure(cfg, nil)
	} else {
		old := d.db
		d.db = db
		d.outage = outage{}
		d.engine.Reconfigure(cfg, db)
		// Close waits for the queries under way, the loop must not.
		d.background.Go(func() {
			if err := old.Close(); err != nil {
				d.log.Warn("Cannot close the database of the old configuration, ignoring", "error", err)
			}
		})
	}
	for _, w := range warnings {
		d.log.Warn("Configuration", "warning", w.String())
	}
	d.log.Info("Configuration reloaded", "config", cfg.Path, "processes", len(cfg.ProcessNames()))
	return nil
}

func (d *Daemon) sayMistakes(err error) {
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) {
		d.log.Error("Configuration not reloaded, the old one stays", "error", err)
		return
	}
	for _, m := range mistakes {
		d.log.Error("Mistake in the configuration", "mistake", m.String())
	}
	d.log.Error("Configuration not reloaded, the old one stays", "config", d.cfg.Path, "mistakes", len(mistakes))
}
