package daemon

import (
	"context"
	"fmt"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/metrics"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/restart"
	"monitor_service/internal/systemd"
)

// metricsGrace is how long a scrape that is under way may hold up the stop.
const metricsGrace = 2 * time.Second

// newMetrics sets up what is counted. It is there whether anybody scrapes it or
// not.
func (d *Daemon) newMetrics() error {
	procs, err := proctable.New()
	if err != nil {
		return fmt.Errorf("cannot read the process table: %w", err)
	}
	options := metrics.Options{Version: d.opts.Release, Revision: d.opts.Commit, Now: d.now, Table: procs}
	if systemd.Booted() {
		// A connection of its own: no scrape is in the way of a recovery.
		// It is dialled at the first one.
		client := systemd.NewClient()
		d.undo.push("leave the message bus with the metrics", func() error { client.Close(); return nil })
		options.Units = client
	}
	if d.metrics, err = metrics.New(options); err != nil {
		return err
	}
	d.undo.push("end the metrics", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), metricsGrace)
		defer cancel()
		d.metrics.Close(ctx)
		return nil
	})
	d.metrics.Configured(time.Now(), d.cfg.ProcessNames())
	return nil
}

// countPoll notes a poll that has ended.
func (d *Daemon) countPoll(r polled) {
	outcome := metrics.PollSucceeded
	if r.err != nil {
		switch alarmdb.Classify(r.err) {
		case alarmdb.Transient:
			outcome = metrics.PollTransient
		case alarmdb.Denied:
			outcome = metrics.PollDenied
		case alarmdb.Misconfigured:
			outcome = metrics.PollMisconfigured
		case alarmdb.Unknown:
			outcome = metrics.PollUnknown
		}
	}
	d.metrics.Polled(outcome, r.took)
}

// countReload notes how a reload ended.
func (d *Daemon) countReload(err error) {
	if err != nil {
		d.metrics.Misconfigured()
		return
	}
	d.metrics.Configured(time.Now(), d.cfg.ProcessNames())
}

// alarmStates are the states that a process in alarm may have.
func alarmStates() []string {
	var words []string
	for _, s := range []control.State{
		control.Alarm, control.Queued, control.Recovering, control.Clearing, control.AwaitingOwner,
		control.Failing, control.Open, control.Paused, control.LeftAlone,
	} {
		words = append(words, string(s))
	}
	return words
}

// now says how things are, for a scrape. It asks the loop and the engine for
// what they know, and neither the database nor the host.
func (d *Daemon) now() metrics.Snapshot {
	v := d.shown.Load()
	pauses := d.engine.Pauses()
	_, all := pauses[""]
	own := len(pauses)
	if all {
		own--
	}
	s := metrics.Snapshot{
		Processes: d.monitored(v.cfg, pauses), AlarmStates: alarmStates(),
		Summary: d.engine.Summary(), MaxParallel: v.cfg.Monitor.MaxParallelRestarts,
		LastPoll: v.lastPoll, DownSince: v.downSince, CheckInterval: v.cfg.Monitor.CheckInterval,
		ClearAlarm: v.cfg.Database.ClearAlarm, DryRun: v.cfg.Monitor.DryRun,
		PausedAll: all, Paused: own, HistoryLost: d.history.Lost(),
	}
	switch {
	case v.down():
		s.Database = metrics.Down
	case !v.lastPoll.IsZero():
		s.Database = metrics.Up
	}
	for _, l := range d.logs.Health() {
		s.Logs = append(s.Logs, metrics.Log{Name: l.Name, Up: !l.Failing, Dropped: l.Dropped})
	}
	for _, c := range d.people.Counts() {
		s.Notifications = append(s.Notifications, metrics.Channel{Name: c.Channel.String(), Sent: c.Sent, Failed: c.Failed, Lost: c.Lost})
	}
	return s
}

// monitored lists the processes of the configuration, and then the others that
// the engine knows.
func (d *Daemon) monitored(cfg *config.Config, pauses map[string]recovery.Pause) []metrics.Process {
	known := d.engine.Status()
	byName := make(map[string]recovery.Status, len(known))
	names := cfg.ProcessNames()
	for _, s := range known {
		byName[s.Process] = s
		if !cfg.Process(s.Process).Configured {
			names = append(names, s.Process)
		}
	}
	_, all := pauses[""]
	processes := make([]metrics.Process, len(names))
	for i, name := range names {
		s, conf := byName[name], cfg.Process(name)
		_, paused := pauses[name]
		processes[i] = metrics.Process{
			Name: name, InAlarm: s.InAlarm, Since: s.Since, Breaker: s.Breaker,
			State: string(stateOf(control.Process{InAlarm: s.InAlarm}, s, all || paused)),
			// systemd is asked about no name that is the database's
			// alone, unless it was about to be restarted anyway.
			Look: conf.Configured || s.Target.Strategy != config.StrategyUnknown,
			Unit: unitOf(conf, s.Target),
		}
	}
	return processes
}

// unitOf is the unit that a process runs in, if it is one: what was acted upon
// last, or what would be.
func unitOf(p config.Process, target recovery.Target) string {
	custom := p.Strategy == config.StrategyCustom
	switch {
	case target.Unit != "":
		return target.Unit
	case target.Strategy == config.StrategyProcess, p.Strategy == config.StrategyProcess:
		return restart.StartedIn(p.Name)
	case target.Strategy == config.StrategyCustom:
		return ""
	case custom && p.Unit != "":
		return systemd.ServiceName(p.Unit)
	case custom && config.SafeName(p.Name):
		return systemd.ServiceName(p.Name)
	}
	return restart.UnitOf(p)
}
