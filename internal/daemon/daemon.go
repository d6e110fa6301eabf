// Package daemon puts the parts together and runs them: it is the only
// package that knows all the others. It owns the ticker loop, the reload and
// the orderly stop. What to do about an alarm is decided in recovery, not
// here.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/handover"
	"monitor_service/internal/healthcheck"
	"monitor_service/internal/history"
	"monitor_service/internal/logging"
	"monitor_service/internal/metrics"
	"monitor_service/internal/notify"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/restart"
	"monitor_service/internal/state"
	"monitor_service/internal/systemd"
	"monitor_service/internal/unitcommand"
	"monitor_service/internal/web"
)

// ErrSettings is wrapped by an error of New that comes of settings which are
// well-formed and cannot be used, such as a tls_ca that is no certificate.
var ErrSettings = errors.New("configuration")

// Options are what the command line says.
type Options struct {
	// ConfigPath is the config.ini to read, at the start and at reloads.
	ConfigPath string
	// Environ is the environment, as in os.Environ.
	Environ []string
	// DryRun decides and says, and touches nothing.
	DryRun bool
	// Version is said at the start.
	Version string
	// Release and Commit are the parts of it that the metrics tell apart.
	Release, Commit string
}

// Daemon is the whole service. New makes it, Run or Once runs it, and it ends
// with them.
type Daemon struct {
	opts   Options
	cfg    *config.Config
	logs   *logging.Logs
	log    *slog.Logger
	db     *alarmdb.DB
	units  *restart.Restarter
	engine *recovery.Engine
	notify *systemd.Notifier
	people *notify.Notifier
	undo   undoStack
	// systemd is nil on a host without it. run runs the commands of the
	// configuration.
	systemd *systemd.Client
	run     command.Runner
	metrics *metrics.Metrics
	// background holds what a reload left to be closed.
	background sync.WaitGroup

	// failures counts the recoveries that failed or could not be tried.
	failures atomic.Int64
	// changed pokes the loop to tell systemd the new status. Its capacity
	// is 1: one pending poke is enough.
	changed  chan struct{}
	outage   outage
	bus      busOutage
	unlock   func() error
	lastPoll time.Time
	// odd is what the last poll has left out.
	odd alarmdb.Odd
	// said is the status that systemd was told last.
	said string
	emit func(recovery.Event)

	// What follows is for those who ask over the control socket.
	procs *proctable.Table
	// state is nil where nothing survives the daemon.
	state    *state.Dir
	history  *history.Recorder
	watchers watchers
	server   *control.Server
	desk     *desk
	// web is the listener of [http], which serves the metrics as well.
	web      webSite
	pulse    pulse
	started  time.Time
	nextPoll time.Time
	shown    atomic.Pointer[view]
	// polls are asked for by an operator; each gets the result.
	polls chan chan<- polled
	// ended is closed when the loop has ended, so that nobody waits for it.
	ended chan struct{}
}

// New builds the daemon and connects to nothing yet. An error that is a
// config.Mistakes lists everything that is wrong with the configuration. On an
// error nothing is left behind.
func New(opts Options) (_ *Daemon, err error) {
	d := &Daemon{
		opts: opts, changed: make(chan struct{}, 1), bus: busOutage{over: make(chan struct{}, 1)}, notify: systemd.NewNotifier(),
		started: time.Now(), polls: make(chan chan<- polled), ended: make(chan struct{}),
	}
	d.web.d = d
	defer func() {
		if err != nil {
			err = errors.Join(err, d.undo.unwind())
		}
	}()
	cfg, warnings, err := d.load()
	if err != nil {
		return nil, err
	}
	d.cfg = cfg
	spareMemory()
	spareThreads(cfg.Monitor.MaxParallelRestarts)
	if d.logs, err = logging.New(cfg.Logging); err != nil {
		return nil, fmt.Errorf("cannot start logging: %w", err)
	}
	d.undo.push("close the log", d.logs.Close)
	d.log = d.logs.Logger()
	if d.db, err = alarmdb.Open(cfg.Database); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	d.undo.push("close the database", func() error { return d.db.Close() })
	if d.unlock, err = d.lock(cfg); err != nil {
		return nil, err
	}
	d.undo.push("unlock the database", func() error { return d.unlock() })
	if err = d.reachSystemd(); err != nil {
		return nil, err
	}
	if err = d.newPeople(); err != nil {
		return nil, err
	}
	d.remember()
	if err = d.newMetrics(); err != nil {
		return nil, err
	}
	if err = d.newEngine(); err != nil {
		return nil, err
	}
	d.recall()
	d.show()
	for _, w := range warnings {
		d.log.Warn("Configuration", "warning", w.String())
	}
	return d, nil
}

// lock takes the database of a configuration for this daemon, unless nothing
// will be touched.
func (d *Daemon) lock(cfg *config.Config) (func() error, error) {
	if cfg.Monitor.DryRun {
		return func() error { return nil }, nil
	}
	return lockDatabase(cfg.Database.Identity(), d.opts.Environ)
}

// reachSystemd makes a client of systemd, where that runs the host. It starts
// the commands of the configuration as well, if it does so for this user: they
// run outside of the daemon's sandbox, as what they check and prepare does.
func (d *Daemon) reachSystemd() error {
	d.run = command.Run
	if !systemd.Booted() {
		return nil
	}
	d.systemd = systemd.NewClient()
	d.undo.push("leave the message bus", func() error { d.systemd.Close(); return nil })
	if os.Geteuid() != 0 {
		return nil
	}
	dir, err := runDirectory(d.opts.Environ)
	if err != nil {
		return err
	}
	d.run = unitcommand.Runner(d.systemd, dir, d.cfg.Database.Identity())
	return nil
}

func (d *Daemon) newEngine() error {
	procs, err := proctable.New()
	if err != nil {
		return fmt.Errorf("cannot read the process table: %w", err)
	}
	d.procs = procs
	options := restart.Options{
		Table: procs, Run: d.run, OwnUnit: systemd.OwnUnit(), ProtectedUnits: d.cfg.Monitor.ProtectedUnits,
		Known: knownUnits(d.history.Last()),
	}
	// An interface that holds a nil pointer is not nil.
	var units healthcheck.Units
	if d.systemd != nil {
		options.Units, units = d.systemd, d.systemd
	}
	d.units = restart.New(options)
	d.undo.push("stop watching started processes", func() error { d.units.Close(); return nil })
	d.emit = d.observer()
	if d.systemd != nil {
		d.systemd.OnOutage(func(err error) { d.bus.heed(err, d.emit) })
	}
	d.engine = recovery.New(d.cfg, d.db, d.units, healthcheck.New(units, procs, d.run), d.emit)
	d.takeOver()
	return nil
}

// takeOver goes on with what a predecessor has left, where there is a state
// directory. Without one a daemon that is killed in the middle of a recovery
// leaves the next one to begin it anew, which is no reason not to start.
func (d *Daemon) takeOver() {
	if d.state == nil {
		return
	}
	dir, err := handover.Open(d.state.String())
	if err != nil {
		d.log.Warn("Recoveries are begun anew after a restart of the daemon", "error", err)
		return
	}
	left, err := dir.Left()
	if err != nil {
		d.log.Warn("Not all of what a predecessor has left can be read, ignoring", "error", err)
	}
	d.engine.HandOver(dir, left)
}

func (d *Daemon) load() (*config.Config, []config.Warning, error) {
	cfg, warnings, err := config.Load(d.opts.ConfigPath, d.opts.Environ)
	if err != nil {
		return nil, nil, err
	}
	if d.opts.DryRun {
		cfg.Monitor.DryRun = true
	}
	_, more, err := web.Check(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	return cfg, append(warnings, more...), nil
}

// observer returns the one function that every event goes through.
func (d *Daemon) observer() func(recovery.Event) {
	write := logging.Events(d.log)
	return func(ev recovery.Event) {
		write(ev)
		d.history.Observe(ev)
		d.watchers.tell(ev)
		d.people.Observe(ev)
		d.metrics.Observe(ev)
		if ev.Kind == recovery.RecoveryFailed || ev.Reason == recovery.ReasonAway {
			d.failures.Add(1)
		}
		select {
		case d.changed <- struct{}{}:
		default:
		}
	}
}

// Once makes one poll, finishes its recoveries and returns. The error says
// what failed, be it the poll, a recovery or a write-back.
func (d *Daemon) Once(ctx context.Context) (err error) {
	//nolint:contextcheck // stopping goes on after the context has ended
	defer func() { err = errors.Join(err, d.stop()) }()
	at := time.Now()
	rows, err := d.db.Poll(ctx)
	if err != nil {
		return fmt.Errorf("cannot poll the alarms: %w", err)
	}
	d.sayOdd(d.db.Odd())
	d.engine.Cycle(at, rows)
	owed, err := d.engine.Drain(ctx)
	if err != nil {
		return fmt.Errorf("stopped before the end: %w", err)
	}
	if n := d.failures.Load(); n > 0 {
		return fmt.Errorf("%d recoveries failed, see the log", n)
	}
	if owed {
		return errors.New("an alarm could not be cleared after its restart, see the log")
	}
	return nil
}
