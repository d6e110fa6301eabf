package recovery

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
)

// Cycle takes the result of one successful poll, decides about every process
// in alarm, and begins the recoveries that have a free place. It does not
// wait for them. polledAt is when the poll began: what happened after that,
// the poll cannot know.
func (e *Engine) Cycle(polledAt time.Time, rows []Row) {
	now := time.Now()
	alarms := group(rows)

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopping {
		return
	}
	alarmed := e.note(alarms, polledAt, now)
	e.noteGone(alarms, polledAt, now)
	e.dropLeft()

	begun, waiting := 0, 0
	for _, p := range alarmed {
		reason, answer := e.decide(p, now)
		most := e.cfg.Monitor.MaxRestartsPerCycle
		// One that was refused takes nobody's place.
		counts := !p.said.isRefusal() && !p.recheck
		if reason == ReasonNone && most > 0 && begun >= most && counts {
			p.breaker.Abandoned()
			reason = ReasonCap
			waiting++
		}
		if reason != ReasonNone {
			e.sayNotActing(p, reason, detail(reason, p.name))
			continue
		}
		if counts {
			begun++
		}
		p.trial = answer.Trial
		e.enqueue(p)
	}
	if waiting > 0 && !e.capped {
		e.emit(Event{Kind: CapReached, At: now, Count: waiting})
	}
	e.capped = waiting > 0
	slices.SortStableFunc(e.queue, byPriority)
	e.dispatch()
	e.forget(now)
}

// detail explains a decision that nobody but the engine can explain; the other
// reasons speak for themselves.
func detail(reason Reason, name string) string {
	switch reason { //nolint:exhaustive // see above
	case ReasonNoName:
		return "a row of STATUS_PROCESS in alarm has no process_name in PROCESE: give it one"
	case ReasonUnsafeName:
		return fmt.Sprintf("process name %q has other characters than letters, digits and _.@:+-, begins with - or ., or has more than %d bytes: "+
			"give it a section in config.ini that spells out its unit or its commands", name, config.MaxNameLength)
	case ReasonIgnored:
		return "unconfigured_processes is ignore: give the process a section in config.ini"
	}
	return ""
}

// group makes one alarm of all rows that carry the same name.
func group(rows []Row) map[string]Alarm {
	alarms := make(map[string]Alarm, len(rows))
	for _, r := range rows {
		a := alarms[r.Process]
		a.Process = r.Process
		a.Rows = append(a.Rows, r)
		alarms[r.Process] = a
	}
	for _, a := range alarms {
		slices.SortFunc(a.Rows, func(x, y Row) int { return cmp.Compare(x.ID, y.ID) })
	}
	return alarms
}

// byPriority orders first what an operator waits for, then the more important
// process, then the lower process_id, so that the same alarms are always taken
// in the same order.
func byPriority(a, b *process) int {
	if a.manual != b.manual {
		if a.manual {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.priority, a.priority),
		cmp.Compare(firstID(a.alarm.Rows), firstID(b.alarm.Rows)),
	)
}

// note remembers the alarms and returns the processes to decide about, the
// most important first. A process whose recovery ended after the poll began
// is left out: its row may be from before.
func (e *Engine) note(alarms map[string]Alarm, polledAt, now time.Time) []*process {
	alarmed := make([]*process, 0, len(alarms))
	for name, a := range alarms {
		p, ok := e.processes[name]
		if !ok {
			p = &process{name: name, breaker: breaker.New(), begun: e.left[name]}
			e.processes[name] = p
			delete(e.left, name)
		}
		if p.settledAt.After(polledAt) {
			continue
		}
		// What waits to be looked at again keeps the marks of its restart.
		if p.stage == idle || p.stage == queued && !p.recheck {
			p.alarm = a
		}
		if p.stage == idle || p.stage == queued {
			p.priority = e.cfg.Process(name).Priority
		}
		if !p.inAlarm {
			p.inAlarm, p.since, p.said = true, now, ReasonNone
			e.emit(e.event(AlarmFound, p))
		}
		alarmed = append(alarmed, p)
	}
	slices.SortFunc(alarmed, byPriority)
	return alarmed
}

// noteGone deals with the processes that were in alarm and are no more.
func (e *Engine) noteGone(alarms map[string]Alarm, polledAt, now time.Time) {
	for name, p := range e.processes {
		if _, still := alarms[name]; still || !p.inAlarm || p.settledAt.After(polledAt) {
			continue
		}
		switch p.stage {
		case running:
			// It is brought to its end; the write-back finds the
			// row changed and leaves it as it is.
			continue
		case writingBack:
			if e.writer.busyWith(p) {
				continue // it is this daemon that clears it
			}
		case queued:
			if p.manual {
				continue
			}
			p.breaker.Abandoned()
		case awaitingOwner, idle:
		}
		e.emit(e.event(AlarmGone, p))
		p.inAlarm = false
		e.conclude(p, now)
	}
	e.dropSettled()
}

// dropSettled takes out of the queue what is no longer to be recovered.
func (e *Engine) dropSettled() {
	e.queue = slices.DeleteFunc(e.queue, func(p *process) bool { return p.stage != queued })
}

// decide says why a process in alarm is left alone, or ReasonNone when its
// recovery may begin. In that case the breaker has been asked and waits for
// the verdict.
func (e *Engine) decide(p *process, now time.Time) (Reason, breaker.Answer) {
	refused := breaker.Answer{}
	switch p.stage {
	case queued:
		return ReasonQueued, refused
	case running:
		return ReasonRunning, refused
	case writingBack:
		if now.Sub(p.checkedAt) < e.cfg.Database.ClearTimeout {
			return ReasonWriteBack, refused
		}
		// Nobody can tell by the alarm whether the process has fallen
		// again: the row says so either way.
		p.recheck = true
		return ReasonNone, breaker.Answer{Allowed: true}
	case awaitingOwner:
		if now.Sub(p.restoredAt) < e.cfg.Database.ClearTimeout {
			return ReasonNotYetCleared, refused
		}
		e.notCleared(p, now)
	case idle:
	}
	if e.paused(p.name, now) {
		return ReasonPaused, refused
	}
	if reason := e.mustNot(e.cfg.Process(p.name)); reason != ReasonNone {
		return reason, refused
	}
	switch {
	case e.cfg.Monitor.DryRun && p.said == ReasonDryRun:
		return ReasonDryRun, refused
	case e.cfg.Monitor.DryRun:
		return ReasonNone, breaker.Answer{Allowed: true}
	}
	if p.breaker.OnProbation(now, e.limits()) {
		e.flapped(p, now)
	}
	answer := p.breaker.Ask(now, e.limits())
	if !answer.Allowed {
		return ReasonBreakerOpen, answer
	}
	return ReasonNone, answer
}

// mustNot says why the configuration leaves a process alone whatever happens.
func (e *Engine) mustNot(p config.Process) Reason {
	switch {
	case p.Name == "":
		return ReasonNoName
	case !p.Configured && e.cfg.Monitor.Unconfigured == config.UnconfiguredIgnore:
		return ReasonIgnored
	case !p.Configured && !config.SafeName(p.Name):
		return ReasonUnsafeName
	}
	return ReasonNone
}

// notCleared counts an alarm that nobody cleared after a verified restart as
// a restart that did not help.
func (e *Engine) notCleared(p *process, now time.Time) {
	ev := e.event(NotClearedInTime, p)
	ev.Took = now.Sub(p.restoredAt)
	ev.Reason = ReasonNotCleared
	e.emit(ev)
	e.fail(p, now, ReasonNotCleared, "nobody cleared the alarm in time")
	e.conclude(p, now)
}

// flapped counts an alarm that came back before the last success had held.
func (e *Engine) flapped(p *process, now time.Time) {
	ev := e.event(Flapped, p)
	ev.Reason = ReasonFlapping
	e.emit(ev)
	e.fail(p, now, ReasonFlapping, "the alarm came back within stable_time of a verified restart")
}

// fail tells the breaker of a failure and everybody of a breaker that opens.
func (e *Engine) fail(p *process, now time.Time, reason Reason, text string) {
	p.breaker.Failed(now, e.limits(), reason.String(), text)
	if p.breaker.Snapshot(e.limits()).State == breaker.Open {
		ev := e.event(BreakerOpened, p)
		ev.Reason = reason
		e.emit(ev)
		// The event has said it: the next polls need not.
		p.said = ReasonBreakerOpen
	}
}

// sayNotActing tells why a process is left alone, once as long as the reason
// stays the same.
func (e *Engine) sayNotActing(p *process, reason Reason, detail string) {
	if p.said == reason || reason == ReasonQueued || reason == ReasonRunning || reason == ReasonWriteBack {
		return // the last three are told by events of their own
	}
	p.said = reason
	ev := e.event(NotActing, p)
	ev.Reason = reason
	if detail != "" {
		ev.Err = &Refusal{Reason: reason, Detail: detail}
	}
	e.emit(ev)
}

// enqueue gives a process the number of its next recovery and the last place in
// the queue.
func (e *Engine) enqueue(p *process) {
	e.recoveries++
	p.stage, p.recovery = queued, e.recoveries
	e.queue = append(e.queue, p)
}

// dispatch begins recoveries while there are free places.
func (e *Engine) dispatch() {
	for e.giveBack() && !e.stopping && len(e.queue) > 0 {
		p := e.queue[0]
		e.queue[0] = nil
		e.queue = e.queue[1:]
		p.stage, p.beganAt = running, time.Now()
		e.running++
		e.places.taken++
		j := job{
			process: e.cfg.Process(p.name), alarm: p.alarm, trial: p.trial, manual: p.manual,
			dryRun: e.cfg.Monitor.DryRun, alarms: e.alarms,
			begun: p.begun, trust: e.cfg.Database.ClearTimeout,
			recheck: p.recheck, target: p.target, since: p.since,
		}
		p.settings = &j.process
		if p.settledAt.After(j.since) {
			j.since = p.settledAt
		}
		if p.manual { // who asks for a restart gets one, whatever was done before
			j.begun, j.since = nil, p.askedAt
		}
		e.workers.Go(func() { e.finish(p, e.recover(e.life, p, j)) })
	}
}

// forget drops the processes of which there is nothing to remember.
func (e *Engine) forget(now time.Time) {
	oldest := now
	defer func() { e.claims.forget(oldest) }()
	crowded := len(e.processes) > maxKnown
	for name, p := range e.processes {
		if p.inAlarm && p.since.Before(oldest) {
			oldest = p.since
		}
		if p.inAlarm || p.stage != idle {
			continue
		}
		p.breaker.Settle(now, e.limits())
		if crowded || p.breaker.Clean() {
			delete(e.processes, name)
		}
	}
}
