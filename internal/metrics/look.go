package metrics

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"monitor_service/internal/breaker"
	"monitor_service/internal/recovery"
)

// Availability says whether something can be reached.
type Availability int

// The availabilities.
const (
	// Untried is not known yet.
	Untried Availability = iota
	Up
	Down
)

// Snapshot is how things are at one moment.
type Snapshot struct {
	// Processes are those that have a section in the configuration, in its
	// order, and after them the others that the engine knows.
	Processes []Process
	Summary   recovery.Summary
	// AlarmStates are all words that a Process may have as its State.
	AlarmStates []string
	MaxParallel int

	Database Availability
	// LastPoll is when the last poll began that was answered, DownSince the
	// beginning of an outage; zero where there is none.
	LastPoll, DownSince time.Time
	CheckInterval       time.Duration
	ClearAlarm, DryRun  bool

	PausedAll bool
	// Paused counts the processes with a pause of their own.
	Paused int

	Logs          []Log
	Notifications []Channel
	HistoryLost   int
}

// Process is what the daemon knows of one process.
type Process struct {
	// Name is as in the database: not trusted.
	Name    string
	InAlarm bool
	// State is what is done about the alarm, in a word; Since is when the
	// alarm was seen first. Both count while InAlarm.
	State   string
	Since   time.Time
	Breaker breaker.Snapshot
	// Look says that the host is to be asked what the process uses: the
	// unit, if there is one and systemd knows it, else the processes of
	// this name.
	Look bool
	Unit string
}

// Log is one place for log lines.
type Log struct {
	Name string
	Up   bool
	// Dropped are the lines that it has lost so far.
	Dropped int
}

// Channel is one way to notify people that is in use.
type Channel struct {
	Name string
	// Sent are messages, Failed tries, and Lost events that were given up.
	Sent, Failed, Lost int
}

// look gathers what is asked for at the scrape, within scrapeLimit.
func (m *Metrics) look() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	began := time.Now()
	now := m.opts.Now()
	lines, rest := m.roster.update(now.Processes, began)

	var g gathering
	g.daemon(now, m.opts)
	beyond := 0
	shown := make([]Process, 0, len(lines))
	for _, p := range now.Processes {
		if _, ok := lines[p.Name]; ok {
			shown = append(shown, p)
		} else {
			beyond++
		}
	}
	g.add(specBeyond, float64(beyond))
	for _, p := range shown {
		g.process(p, lines[p.Name].label)
	}
	for _, l := range lines {
		g.tally(l.label, l.tally)
	}
	g.rest(rest)
	g.host(m.host.read(ctx, shown), lines)
	return g.metrics
}

// gathering puts the metrics of one look together.
type gathering struct{ metrics []prometheus.Metric }

func (g *gathering) add(s spec, v float64, labels ...string) {
	g.metrics = append(g.metrics, s.value(v, labels...))
}

func (g *gathering) addBool(s spec, yes bool, labels ...string) {
	v := 0.0
	if yes {
		v = 1
	}
	g.add(s, v, labels...)
}

// addTime adds a time, unless it is none.
func (g *gathering) addTime(s spec, at time.Time, labels ...string) {
	if !at.IsZero() {
		g.add(s, seconds(at), labels...)
	}
}

// addUp adds an availability, unless it is not known.
func (g *gathering) addUp(s spec, a Availability) {
	if a != Untried {
		g.addBool(s, a == Up)
	}
}

// daemon adds what is about the daemon as a whole.
func (g *gathering) daemon(now Snapshot, opts Options) {
	g.add(specBuild, 1, opts.Version, opts.Revision, runtime.Version())
	g.addUp(specDatabase, now.Database)
	g.addTime(specLastPoll, now.LastPoll)
	g.addTime(specDownSince, now.DownSince)
	g.add(specCheckInterval, now.CheckInterval.Seconds())
	g.add(specQueued, float64(now.Summary.Queued))
	g.add(specRunning, float64(now.Summary.Running))
	g.add(specParallel, float64(now.MaxParallel))
	g.add(specOwed, float64(now.Summary.OwedWriteBacks))
	g.addBool(specReadOnly, now.Summary.ReadOnly)
	g.addBool(specClearAlarm, now.ClearAlarm)
	g.addBool(specDryRun, now.DryRun)
	g.addBool(specPausedAll, now.PausedAll)
	g.add(specPaused, float64(now.Paused))
	g.add(specKnown, float64(len(now.Processes)))
	g.add(specHistoryLost, float64(now.HistoryLost))
	for _, l := range now.Logs {
		g.addBool(specLogUp, l.Up, l.Name)
		g.add(specLogDropped, float64(l.Dropped), l.Name)
	}
	for _, c := range now.Notifications {
		g.add(specNotifications, float64(c.Sent), c.Name, "sent")
		g.add(specNotifications, float64(c.Failed), c.Name, "failed")
		g.add(specNotifyLost, float64(c.Lost), c.Name)
	}
	g.totals(now)
}

// totals adds what is counted over all processes, also those without series of
// their own. A state that is not of the vocabulary is not counted.
func (g *gathering) totals(now Snapshot) {
	alarms := make(map[string]int, len(now.AlarmStates))
	breakers := make(map[breaker.State]int)
	for _, p := range now.Processes {
		if p.InAlarm {
			alarms[p.State]++
		}
		breakers[p.Breaker.State]++
	}
	for _, state := range now.AlarmStates {
		g.add(specAlarms, float64(alarms[state]), state)
	}
	g.add(specBreakers, float64(breakers[breaker.Open]), breakerOpen)
	g.add(specBreakers, float64(breakers[breaker.HalfOpen]), breakerHalfOpen)
}

// process adds what the daemon knows of one process.
func (g *gathering) process(p Process, label string) {
	if p.InAlarm {
		g.addTime(specAlarmSince, p.Since, label)
	}
	state := 0.0
	switch p.Breaker.State {
	case breaker.HalfOpen:
		state = 1
	case breaker.Open:
		state = 2
	case breaker.Closed, breaker.Unknown:
	}
	g.add(specBreaker, state, label)
	g.add(specFailures, float64(p.Breaker.Failures), label)
	g.addTime(specTrial, p.Breaker.NextTrial, label)
}

// tally adds what was counted for one process.
func (g *gathering) tally(label string, t tally) {
	g.add(specFlaps, float64(t.flaps), label)
	for strategy, n := range t.recoveries {
		for o := range numOutcomes {
			g.add(specRecoveries, float64(n[o]), label, strategy.String(), o.String())
		}
	}
}

// rest adds what was counted for the processes without series of their own.
func (g *gathering) rest(t tally) {
	if t.flaps > 0 || len(t.recoveries) > 0 {
		g.tally(others, t)
	}
}

// host adds what the host says.
func (g *gathering) host(r readings, lines map[string]line) {
	g.addUp(specBus, r.bus)
	g.add(specUnread, float64(r.unread))
	for name, u := range r.usage {
		label := lines[name].label
		g.addBool(specIsRunning, u.running, label)
		if u.counted {
			g.add(specRestarts, float64(u.restarts), label)
		}
		if !u.running {
			continue
		}
		g.addTime(specStart, u.since, label)
		if u.cpu > 0 {
			g.add(specCPU, u.cpu.Seconds(), label)
		}
		if u.memory > 0 {
			g.add(specMemory, float64(u.memory), label)
		}
	}
}
