package daemon

import (
	"errors"
	"fmt"
	"os"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/history"
	"monitor_service/internal/recovery"
	"monitor_service/internal/state"
)

// remember opens what survives this daemon: the pauses and the history of
// recoveries. Without it they are kept in memory. None of this is needed to
// recover a process, so that no failure here is an error.
func (d *Daemon) remember() {
	path := state.Path(d.opts.Environ, os.Geteuid())
	var err error
	if path != "" {
		d.state, err = state.Open(path)
	}
	switch {
	case path == "":
		d.log.Info("No state directory: pauses and the history of recoveries end with this daemon")
	case err != nil:
		d.log.Warn("Pauses and the history of recoveries end with this daemon", "error", err)
	}
	var store history.Store
	if d.state != nil {
		d.undo.push("close the state directory", d.state.Close)
		store = history.NewFile(d.state)
	}
	d.history = history.New(store, func(err error, took time.Duration) {
		if err != nil {
			d.log.Warn("History of recoveries", "error", err)
			return
		}
		d.log.Info("History of recoveries is kept again", "took", took)
	})
	d.undo.push("keep the history", func() error { d.history.Stop(); return nil })
}

// knownUnits are the units that processes were restarted as before.
func knownUnits(last map[string]history.Recovery) map[string]string {
	units := map[string]string{}
	for name, r := range last {
		if r.Strategy == config.StrategyService.String() {
			units[name] = r.Unit
		}
	}
	return units
}

// recall puts the pauses in force that the daemon before had.
func (d *Daemon) recall() {
	pauses, err := d.oldPauses()
	if err != nil {
		d.log.Error("Pauses of the daemon before are lost", "error", err)
	}
	for name, p := range pauses {
		d.engine.Pause(name, p)
	}
	if len(pauses) > 0 {
		d.log.Info("Pauses of the daemon before are in force", "count", len(pauses))
	}
}

// oldPauses reads them also where another daemon has the directory: what it
// leaves alone, a second one should.
func (d *Daemon) oldPauses() (map[string]recovery.Pause, error) {
	if d.state != nil {
		return d.state.LoadPauses(time.Now())
	}
	if path := state.Path(d.opts.Environ, os.Geteuid()); path != "" {
		return state.PausesAt(path, time.Now())
	}
	return nil, nil
}

var errNothingSurvives = errors.New("there is no state directory")

// savePauses makes the pauses in force survive the daemon.
func (d *Daemon) savePauses() error {
	if d.state == nil {
		return fmt.Errorf("the pauses end with this daemon: %w", errNothingSurvives)
	}
	if err := d.state.SavePauses(d.engine.Pauses()); err != nil {
		return fmt.Errorf("the pauses may end with this daemon: %w", err)
	}
	return nil
}
