package history

import (
	"slices"
	"sync"
	"time"

	"monitor_service/internal/recovery"
)

const (
	// queueLength bounds the events that wait to be noted: those of several
	// hundred recoveries that end while a disk is slow.
	queueLength = 8192
	// maxRecoveries and maxPerProcess bound what is remembered, so that one
	// process that fails all day does not displace all others.
	maxRecoveries = 2000
	maxPerProcess = 100
	// maxSize bounds the texts in it, in bytes.
	maxSize = 8 << 20
)

// Store keeps recoveries over a restart of the daemon.
type Store interface {
	// Load returns what was kept, the oldest first. An error says what was
	// lost; what could be read is returned all the same.
	Load() ([]Recovery, error)
	// Save keeps recoveries that have changed. all lists everything that is
	// to be remembered, the oldest first, for a file that is made anew.
	Save(changed []Recovery, all func() []Recovery) error
}

// Report is told of an error at the beginning of a time in which nothing can be
// kept, and of nil at its end and how long it lasted.
type Report func(err error, took time.Duration)

// Recorder listens to events. The zero value is not ready; New makes one.
type Recorder struct {
	store  Store
	report Report
	queue  chan recovery.Event
	stop   chan struct{}
	done   sync.WaitGroup
	once   sync.Once

	mu sync.Mutex
	// ended are the recoveries that have ended, the oldest first.
	ended []*Recovery
	// size is that of the texts in ended.
	size int
	// last is the newest of each process in ended, running the ones that
	// have not ended.
	last, running map[string]*Recovery
	// changed are to be saved.
	changed map[*Recovery]bool
	// lost counts events that found the queue full.
	lost int
	// failing is since when the store does not take what it is given, zero
	// where it took the last.
	failing time.Time
}

// New starts a recorder with what the store has kept; store is nil where
// nothing survives the daemon. report is called from the recorder's goroutine,
// or from New. Stop ends it.
func New(store Store, report Report) *Recorder {
	r := &Recorder{
		store: store, report: report,
		queue: make(chan recovery.Event, queueLength), stop: make(chan struct{}),
		last: map[string]*Recovery{}, running: map[string]*Recovery{}, changed: map[*Recovery]bool{},
	}
	if store != nil {
		kept, err := store.Load()
		if err != nil {
			report(err, 0)
		}
		for i := range kept {
			r.remember(&kept[i])
		}
		clear(r.changed)
	}
	r.done.Go(r.run)
	return r
}

// Observe takes an event. It never waits: an event that finds the queue full
// is lost to the history, and to nothing else.
func (r *Recorder) Observe(ev recovery.Event) {
	if !concerns(ev.Kind) {
		return
	}
	select {
	case r.queue <- ev:
	default:
		r.mu.Lock()
		r.lost++
		r.mu.Unlock()
	}
}

// Stop notes what has been observed, saves it and ends the recorder.
func (r *Recorder) Stop() {
	r.once.Do(func() { close(r.stop) })
	r.done.Wait()
}

func (r *Recorder) run() {
	for {
		select {
		case ev := <-r.queue:
			r.note(ev)
			r.drain()
			r.save()
		case <-r.stop:
			r.drain()
			r.save()
			return
		}
	}
}

// drain notes what waits, so that one write to the disk serves for all of it.
// What comes meanwhile waits for the next time, or an endless stream of events
// would keep everything from the disk.
func (r *Recorder) drain() {
	for range len(r.queue) {
		r.note(<-r.queue)
	}
}

func (r *Recorder) save() {
	r.mu.Lock()
	changed := make([]Recovery, 0, len(r.changed))
	for _, e := range r.ended { // in their order
		if r.changed[e] {
			changed = append(changed, e.clone())
		}
	}
	r.mu.Unlock()
	if r.store == nil || len(changed) == 0 {
		return
	}
	err := r.store.Save(changed, r.kept)
	r.mu.Lock()
	since := r.failing
	if err == nil {
		clear(r.changed)
		r.failing = time.Time{}
	} else if since.IsZero() {
		r.failing = time.Now()
	}
	r.mu.Unlock()
	switch {
	case err != nil && since.IsZero():
		r.report(err, 0)
	case err == nil && !since.IsZero():
		r.report(nil, time.Since(since))
	}
}

// concerns says whether a kind of event is part of a recovery's story.
func concerns(kind recovery.Kind) bool {
	switch kind {
	case recovery.RecoveryStarted, recovery.RecoveryResumed, recovery.Restarted, recovery.HealthPassed, recovery.AttemptFailed,
		recovery.RecoverySucceeded, recovery.RecoveryFailed, recovery.RecoveryInterrupted, recovery.RecoveryPostponed,
		recovery.Cleared, recovery.Superseded, recovery.WriteBackFailed, recovery.WriteBackRefused,
		recovery.Flapped, recovery.NotClearedInTime, recovery.BreakerOpened, recovery.AlarmGone:
		return true
	case recovery.KindUnknown, recovery.AlarmFound, recovery.NotActing,
		recovery.BreakerHalfOpen, recovery.BreakerClosed, recovery.HandoverFailed, recovery.HandoverWorks, recovery.CapReached, recovery.DatabaseLost,
		recovery.DatabaseBack, recovery.SystemdLost, recovery.SystemdBack, recovery.OperatorRestart, recovery.OperatorReset, recovery.OperatorPause,
		recovery.OperatorResume, recovery.OperatorPoll, recovery.OperatorRefused:
	}
	return false
}

func (r *Recorder) note(ev recovery.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch ev.Kind { //nolint:exhaustive // concerns has sorted the others out
	case recovery.RecoveryStarted, recovery.RecoveryResumed:
		u := begin(ev, ev.At)
		u.Resumed = ev.Kind == recovery.RecoveryResumed
		r.running[ev.Process] = u
	case recovery.AlarmGone:
		if u := r.running[ev.Process]; u != nil && u.onlyWaits() {
			delete(r.running, ev.Process)
		}
	case recovery.Restarted:
		r.underWay(ev).restarted(ev)
	case recovery.HealthPassed, recovery.AttemptFailed:
		r.underWay(ev).attempted(ev)
	case recovery.RecoverySucceeded:
		r.finish(ev, Succeeded)
	case recovery.RecoveryFailed:
		r.finish(ev, Failed)
	case recovery.RecoveryInterrupted, recovery.RecoveryPostponed:
		r.finish(ev, Interrupted)
	default:
		if u := r.running[ev.Process]; u != nil && len(u.Attempts) == 0 {
			// A predecessor has told its end; what was left is the alarm.
			delete(r.running, ev.Process)
		}
		if last := r.last[ev.Process]; last != nil {
			last.Afterwards = ev.Kind.String()
			r.changed[last] = true
		}
	}
}

// underWay is the recovery that an event belongs to. It may be the first that
// is heard of it: one that fails before its start is told, or whose start was
// lost.
func (r *Recorder) underWay(ev recovery.Event) *Recovery {
	u := r.running[ev.Process]
	if u == nil {
		u = begin(ev, ev.At.Add(-ev.Took))
		r.running[ev.Process] = u
	}
	return u
}

func (r *Recorder) finish(ev recovery.Event, o Outcome) {
	u := r.underWay(ev)
	delete(r.running, ev.Process)
	u.end(ev, o)
	r.remember(u)
}

// remember adds a recovery that has ended and forgets the oldest beyond the
// bounds.
func (r *Recorder) remember(u *Recovery) {
	r.ended = append(r.ended, u)
	r.size += u.size()
	r.last[u.Process] = u
	r.changed[u] = true
	own := 0
	for _, e := range r.ended {
		if e.Process == u.Process {
			own++
		}
	}
	if own > maxPerProcess {
		r.forget(slices.IndexFunc(r.ended, func(e *Recovery) bool { return e.Process == u.Process }))
	}
	for len(r.ended) > maxRecoveries || r.size > maxSize {
		r.forget(0)
	}
}

func (r *Recorder) forget(i int) {
	old := r.ended[i]
	r.ended = slices.Delete(r.ended, i, i+1)
	r.size -= old.size()
	delete(r.changed, old)
	if r.last[old.Process] == old {
		delete(r.last, old.Process)
	}
}

// List returns up to limit of the newest recoveries of a process, the oldest
// first, those under way at the end; the empty name is all processes, limit 0
// no limit.
func (r *Recorder) List(process string, limit int) []Recovery {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []Recovery{}
	for _, e := range r.ended {
		if process == "" || e.Process == process {
			list = append(list, e.clone())
		}
	}
	list = append(list, r.underWayOf(process)...)
	if limit > 0 && len(list) > limit {
		list = list[len(list)-limit:]
	}
	return list
}

// kept is what is to be found after a restart of the daemon.
func (r *Recorder) kept() []Recovery {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Recovery, len(r.ended))
	for i, e := range r.ended {
		list[i] = e.clone()
	}
	return list
}

func (r *Recorder) underWayOf(process string) []Recovery {
	var list []Recovery
	for name, u := range r.running {
		if (process == "" || name == process) && !u.onlyWaits() {
			c := u.clone()
			c.Seconds = time.Since(c.Began).Seconds()
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Recovery) int { return a.Began.Compare(b.Began) })
	return list
}

// Last returns the newest recovery of each process that has ended.
func (r *Recorder) Last() map[string]Recovery {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := make(map[string]Recovery, len(r.last))
	for name, e := range r.last {
		last[name] = e.clone()
	}
	return last
}

// Lost says how many events found the queue full.
func (r *Recorder) Lost() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}
