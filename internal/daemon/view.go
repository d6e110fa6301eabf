package daemon

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/history"
	"monitor_service/internal/recovery"
)

// maxAcknowledged bounds the acknowledged alarms that are shown.
const maxAcknowledged = 1000

// view is what the loop knows and others may look at. It is never changed.
type view struct {
	cfg                *config.Config
	db                 *alarmdb.DB
	lastPoll, nextPoll time.Time
	downSince          time.Time
	outage             error
}

func (v *view) down() bool { return !v.downSince.IsZero() }

// show lets others see how things are now. It is the loop's.
func (d *Daemon) show() {
	v := &view{cfg: d.cfg, db: d.db, lastPoll: d.lastPoll, nextPoll: d.nextPoll, downSince: d.outage.since}
	if v.down() {
		v.outage = d.outage.last
	}
	d.shown.Store(v)
}

// Status implements control.Daemon.
func (k *desk) Status(ctx context.Context, process string) (control.Status, error) {
	if err := k.known(ctx, process); err != nil {
		return control.Status{}, err
	}
	v := k.d.shown.Load()
	summary := k.d.engine.Summary()
	s := control.Status{
		Version: k.d.opts.Version, PID: os.Getpid(), Started: k.d.started, Now: time.Now(), Config: v.cfg.Path,
		DryRun: v.cfg.Monitor.DryRun, ReadOnly: summary.ReadOnly, Database: v.database(),
		HTTP: k.d.web.status(),
		Summary: control.Summary{
			Alarms: summary.Alarms, Recovering: summary.Running, Queued: summary.Queued,
			OpenBreakers: summary.OpenBreakers, OwedWriteBacks: summary.OwedWriteBacks,
		},
	}
	g := k.gather(ctx, v)
	s.AcknowledgedUnknown = g.unknown
	s.Summary.Acknowledged = len(g.acknowledged)
	if p, ok := g.pauses[""]; ok {
		s.Pause = pause(p)
	}
	names := g.names()
	s.Processes = make([]control.Process, 0, len(names))
	for _, name := range names {
		p := g.process(name)
		if p.State == control.Paused {
			s.Summary.Paused++
		}
		if process == "" || name == process {
			s.Processes = append(s.Processes, p)
		}
	}
	if process != "" && len(s.Processes) == 0 { // only the database knows it
		s.Processes = append(s.Processes, g.process(process))
	}
	return s, nil
}

func (v *view) database() control.Database {
	db := control.Database{
		Name: v.db.String(), CheckInterval: v.cfg.Monitor.CheckInterval.Seconds(),
		Reachable: !v.down() && !v.lastPoll.IsZero(), LastPoll: v.lastPoll, NextPoll: v.nextPoll, DownSince: v.downSince,
	}
	if v.outage != nil {
		db.Error = v.outage.Error()
	}
	return db
}

// gathered is all that is known of the processes at one time.
type gathered struct {
	cfg    *config.Config
	engine map[string]recovery.Status
	pauses map[string]recovery.Pause
	last   map[string]history.Recovery
	// acknowledged has the rows by process; unknown says why it has none.
	acknowledged map[string][]int64
	unknown      string
}

func (k *desk) gather(ctx context.Context, v *view) gathered {
	g := gathered{
		cfg: v.cfg, engine: map[string]recovery.Status{}, acknowledged: map[string][]int64{},
		pauses: k.d.engine.Pauses(), last: k.d.history.Last(),
	}
	for _, s := range k.d.engine.Status() {
		g.engine[s.Process] = s
	}
	if v.down() {
		g.unknown = "the database cannot be read"
		return g
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	rows, err := v.db.Acknowledged(ctx, maxAcknowledged)
	if err != nil {
		g.unknown = err.Error()
	}
	for _, r := range rows {
		g.acknowledged[r.Process] = append(g.acknowledged[r.Process], r.ID)
	}
	return g
}

// names are those of the processes that there is something to say about.
func (g gathered) names() []string {
	names := g.cfg.ProcessNames()
	names = slices.AppendSeq(names, maps.Keys(g.engine))
	names = slices.AppendSeq(names, maps.Keys(g.acknowledged))
	names = slices.AppendSeq(names, maps.Keys(g.last))
	for name := range g.pauses {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (g gathered) process(name string) control.Process {
	e, known := g.engine[name]
	if !known {
		e = recovery.Status{Process: name, Stage: "idle", Breaker: breaker.Snapshot{State: breaker.Closed}}
	}
	conf := g.cfg.Process(name)
	ids, acknowledged := g.acknowledged[name]
	p := control.Process{
		Name: name, Configured: conf.Configured, InAlarm: e.InAlarm, AlarmSince: e.Since,
		Acknowledged: acknowledged, IDs: e.IDs, RecoveringSince: e.Began, By: e.By.Name,
		Strategy: conf.Strategy.String(), Unit: conf.Unit,
		Breaker: control.Breaker{
			State: e.Breaker.State.String(), Failures: e.Breaker.Failures, MaxFailures: g.cfg.Monitor.MaxRestartFailures,
			OpenedAt: e.Breaker.OpenedAt, NextTrial: e.Breaker.NextTrial,
			Reason: e.Breaker.Reason, LastError: e.Breaker.LastError,
		},
	}
	if !e.InAlarm {
		p.IDs = ids
	}
	if last, ok := g.last[name]; ok {
		p.Last = &last
	}
	switch {
	case e.Target.Strategy != config.StrategyUnknown:
		p.Strategy, p.Unit = e.Target.Strategy.String(), e.Target.Unit
	case conf.Strategy == config.StrategyAuto && p.Last != nil && p.Last.Strategy != "":
		p.Strategy, p.Unit = p.Last.Strategy, p.Last.Unit
	}
	_, allPaused := g.pauses[""]
	if own, ok := g.pauses[name]; ok {
		p.Pause = pause(own)
	}
	p.State = stateOf(p, e, allPaused || p.Pause != nil)
	if p.State == control.LeftAlone {
		p.Reason = e.Reason.String()
	}
	return p
}

// stateOf is one word for what a process is doing: what matters most of all
// that is true.
func stateOf(p control.Process, e recovery.Status, paused bool) control.State {
	switch {
	case e.Stage == "queued":
		return control.Queued
	case e.Stage == "running":
		return control.Recovering
	case e.Stage == "writing_back":
		return control.Clearing
	case e.Stage == "awaiting_owner":
		return control.AwaitingOwner
	case paused:
		return control.Paused
	case p.Acknowledged && !p.InAlarm: // a person sees to it, and its breaker has nothing to do
		return control.Acknowledged
	case e.Breaker.State == breaker.Open, e.Breaker.State == breaker.HalfOpen:
		return control.Open
	case p.InAlarm && refusal(e.Reason):
		return control.LeftAlone
	case p.InAlarm && e.Breaker.Failures > 0:
		return control.Failing
	case p.InAlarm:
		return control.Alarm
	case e.Probation:
		return control.Settling
	}
	return control.OK
}

// refusal says whether a reason for not acting is more than that it is not yet
// time.
func refusal(r recovery.Reason) bool {
	switch r {
	case recovery.ReasonIgnored, recovery.ReasonNoName, recovery.ReasonUnsafeName, recovery.ReasonProtected,
		recovery.ReasonOwnUnit, recovery.ReasonNotAService, recovery.ReasonMasked, recovery.ReasonNoUnit,
		recovery.ReasonBadUnit, recovery.ReasonForeignUnit, recovery.ReasonDryRun:
		return true
	case recovery.ReasonNone, recovery.ReasonRunning, recovery.ReasonQueued, recovery.ReasonBreakerOpen,
		recovery.ReasonWriteBack, recovery.ReasonNotYetCleared, recovery.ReasonCap, recovery.ReasonPaused,
		recovery.ReasonStopping, recovery.ReasonAway, recovery.ReasonResolve, recovery.ReasonPreRestart, recovery.ReasonRestart,
		recovery.ReasonHealthCheck, recovery.ReasonFlapping, recovery.ReasonNotCleared:
	}
	return false
}

func pause(p recovery.Pause) *control.Pause {
	return &control.Pause{By: p.By, Since: p.Since, Until: p.Until, Why: p.Why}
}

// History implements control.Daemon.
func (k *desk) History(ctx context.Context, process string, limit int) (control.History, error) {
	if err := k.known(ctx, process); err != nil {
		return control.History{}, err
	}
	h := control.History{Recoveries: k.d.history.List(process, limit)}
	slices.SortStableFunc(h.Recoveries, func(a, b history.Recovery) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Process, b.Process))
	})
	if k.d.state == nil {
		h.Note = "there is no state directory: the history began with this daemon"
	}
	return h, nil
}
