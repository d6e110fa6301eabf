package recovery

import (
	"context"
	"sync"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
)

// maxKnown bounds the processes that are remembered: names come from outside,
// and a breaker that has failed is otherwise kept for as long as the daemon
// runs.
const maxKnown = 100_000

// Engine takes the alarms of one poll after the other and recovers processes,
// a bounded number at once and never the same one twice at once.
type Engine struct {
	restarter Restarter
	checker   Checker
	// emit is called in the order of what happened, often with the
	// engine's lock held: it must be quick and must not call the engine.
	emit func(Event)

	// life ends when recoveries under way must end now.
	life     context.Context
	kill     context.CancelFunc
	workers  sync.WaitGroup
	writer   *writer
	stopOnce sync.Once

	mu sync.Mutex
	// idle is signalled whenever a recovery or a write-back ends.
	idle      *sync.Cond
	cfg       *config.Config
	alarms    Alarms
	processes map[string]*process
	pauses    map[string]Pause
	// queue holds the processes in stage queued, the next one first.
	queue []*process
	// running counts the recoveries under way, with a place or without.
	running      int
	places       places
	claims       claims
	readOnly     bool
	readOnlyTold readOnlyCause
	// capped says that max_restarts_per_cycle was reached in the last poll.
	capped   bool
	stopping bool
	// awaySince is since when systemd is out of reach of the recoveries; zero
	// while it is not.
	awaySince time.Time
	// recoveries counts the recoveries, for their numbers.
	recoveries uint64

	handover Handover
	// left is what a predecessor of this daemon has left, until the first
	// poll.
	left map[string]*Begun
	// keepFailed is since when the handover cannot be kept; zero while it can.
	keepFailed time.Time
}

// stage is where a process stands between its alarm and the end of it.
type stage int

const (
	idle stage = iota
	// queued waits for a free place.
	queued
	// running has a goroutine of its own.
	running
	// writingBack is restarted and verified; its alarm is not cleared yet.
	writingBack
	// awaitingOwner is restarted and verified; whoever raised the alarm
	// has to clear it.
	awaitingOwner
)

// process is what the engine remembers of one process.
type process struct {
	name    string
	breaker *breaker.Breaker
	stage   stage
	// trial says that the recovery queued or running is a breaker's trial,
	// manual that an operator asked for it.
	trial, manual bool
	// by is the operator who asked, askedAt when.
	by      Operator
	askedAt time.Time
	// recovery is the number of the last recovery, beganAt when it began to
	// run.
	recovery uint64
	beganAt  time.Time
	// priority is the configuration's, as of the last poll in alarm.
	priority int
	// alarm is the alarm as the last poll saw it and, from the recovery's
	// beginning on, as the recovery saw it.
	alarm   Alarm
	inAlarm bool
	since   time.Time
	// said is the reason for not acting that was told last.
	said Reason
	// settledAt is when the last recovery or write-back ended: a poll that
	// began before knows nothing of it.
	settledAt time.Time
	// restoredAt is the time of the verified restart in the stages
	// writingBack and awaitingOwner, and checkedAt when it was seen to be
	// well last.
	restoredAt, checkedAt time.Time
	// recheck says that the process is queued or running for no more than
	// a look at its health, while its write-back is owed.
	recheck bool
	// writeBackTold says that the failing write-back was told.
	writeBackTold bool
	// target is what the last recovery acted upon.
	target Target
	// begun is what the next recovery of the same alarm goes on with.
	begun *Begun
	// settings are those of the recovery under way, nil where there is none.
	settings *config.Process
}

// New returns an engine that is ready for Cycle. Stop ends it.
func New(cfg *config.Config, alarms Alarms, restarter Restarter, checker Checker, emit func(Event)) *Engine {
	e := &Engine{
		restarter: restarter,
		checker:   checker,
		emit:      emit,
		cfg:       cfg,
		alarms:    alarms,
		processes: make(map[string]*process),
		pauses:    make(map[string]Pause),
		claims:    newClaims(),
	}
	e.idle = sync.NewCond(&e.mu)
	e.life, e.kill = context.WithCancel(context.Background())
	e.writer = startWriter(e)
	e.mu.Lock()
	e.enterReadOnlyIfConfigured()
	e.mu.Unlock()
	return e
}

// Reconfigure puts a new configuration in force. Breakers, queue and
// recoveries under way stay as they are. alarms is the way to the database
// from now on; other says that it is another database than before, whose rows
// have nothing to do with what was restarted for the old one's.
func (e *Engine) Reconfigure(cfg *config.Config, alarms Alarms, other bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cfg, e.alarms = cfg, alarms
	if other {
		e.readOnlyTold = notTold
	}
	// The account may have been given the privilege to write.
	e.readOnly = false
	e.enterReadOnlyIfConfigured()
	for _, p := range e.processes {
		switch {
		case other && (p.stage == writingBack || p.stage == awaitingOwner):
			e.conclude(p, time.Now())
		case p.stage == awaitingOwner && !e.readOnly:
			p.stage = writingBack
			e.writer.add(p)
		}
	}
	for _, p := range e.processes {
		// A reason that the new configuration may have removed, or
		// that still holds, is told anew.
		p.said = ReasonNone
	}
	e.dispatch()
}

func (e *Engine) enterReadOnlyIfConfigured() {
	if !e.cfg.Database.ClearAlarm {
		e.enterReadOnly(toldConfigured, Event{Kind: WriteBackRefused, At: time.Now(), Err: errClearAlarmOff})
	} else if e.readOnlyTold == toldConfigured {
		e.readOnlyTold = notTold
	}
}

// Drain waits until no recovery is queued or under way and every write-back
// has been tried, or until the context ends. It says whether any write-back
// is still owed.
func (e *Engine) Drain(ctx context.Context) (owed bool, err error) {
	stop := context.AfterFunc(ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.idle.Broadcast()
	})
	defer stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for ctx.Err() == nil && (len(e.queue) > 0 || e.running > 0 || e.writer.untried()) {
		e.idle.Wait()
	}
	return e.writer.owes(), ctx.Err()
}

// Stop ends the engine: what is queued is dropped, what is under way may
// finish until ctx ends and is then interrupted, and write-backs that are owed
// are tried once more. It returns when no goroutine of the engine is left.
func (e *Engine) Stop(ctx context.Context) {
	e.stopOnce.Do(func() { e.stop(ctx) })
}

func (e *Engine) stop(ctx context.Context) {
	e.mu.Lock()
	e.stopping = true
	for _, p := range e.queue {
		p.breaker.Abandoned()
		if p.manual { // somebody waits to hear how it ends
			ev := e.event(RecoveryInterrupted, p)
			ev.Reason = ReasonStopping
			e.emit(ev)
		}
		e.settle(p, time.Now())
	}
	e.queue = nil
	e.mu.Unlock()

	stopKill := context.AfterFunc(ctx, e.kill)
	e.workers.Wait()
	stopKill()
	e.kill()
	e.writer.stop() //nolint:contextcheck // the last write-backs have a time limit of their own
}

func (e *Engine) limits() breaker.Limits {
	return breaker.Limits{
		MaxFailures: e.cfg.Monitor.MaxRestartFailures,
		ResetTime:   e.cfg.Monitor.CircuitResetTime,
		StableTime:  e.cfg.Monitor.StableTime,
	}
}

// settle ends what was going on with a process. What it was doing may be gone
// on with.
func (e *Engine) settle(p *process, now time.Time) {
	p.stage = idle
	p.trial, p.recheck, p.writeBackTold = false, false, false
	p.manual, p.by = false, Operator{}
	p.settledAt = now
	p.restoredAt = time.Time{}
}

// event fills in what every event about a process carries.
func (e *Engine) event(kind Kind, p *process) Event {
	ids := make([]int64, len(p.alarm.Rows))
	for i, r := range p.alarm.Rows {
		ids[i] = r.ID
	}
	return Event{
		Kind: kind, At: time.Now(), Process: p.name, IDs: ids, Target: p.target,
		Trial: p.trial, Breaker: p.breaker.Snapshot(e.limits()),
		Recovery: p.recovery, By: p.by,
	}
}
