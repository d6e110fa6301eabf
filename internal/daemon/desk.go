package daemon

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/recovery"
)

const (
	// lookTime is how long a question of an operator's may wait for the
	// database or for systemd.
	lookTime = 3 * time.Second
	// maxNames bounds the names that are read of the database.
	maxNames = 10_000
	// refusedEvery is how often a refused user is told of in the log.
	refusedEvery = time.Minute
)

// desk is where operators are answered: it implements control.Daemon.
type desk struct {
	d *Daemon
	// saving keeps the pauses' file in the order of the changes.
	saving sync.Mutex

	mu        sync.Mutex
	refusedAt time.Time
}

var _ control.Daemon = (*desk)(nil)

// Refused implements control.Daemon.
func (k *desk) Refused(by recovery.Operator) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.refusedAt) >= refusedEvery {
		k.refusedAt = now
		k.d.emit(recovery.Event{Kind: recovery.OperatorRefused, At: now, By: by})
	}
}

// Pause implements control.Daemon.
func (k *desk) Pause(ctx context.Context, by recovery.Operator, process string, length time.Duration, why string) (control.Done, error) {
	if err := k.known(ctx, process); err != nil {
		return control.Done{}, err
	}
	// A pause is kept by the clock on the wall, as it survives this process.
	now := time.Now().Round(0)
	p := recovery.Pause{Since: now, By: by.Name, Why: why}
	text := "until it is resumed"
	if length > 0 {
		p.Until = now.Add(length)
		text = "until " + p.Until.Format(time.DateTime)
	}
	k.saving.Lock()
	defer k.saving.Unlock()
	k.d.engine.Pause(process, p)
	k.d.emit(recovery.Event{Kind: recovery.OperatorPause, At: now, Process: process, By: by, Until: p.Until, Why: why})
	done := control.Done{Changed: true, Message: fmt.Sprintf("%s paused %s", subject(process), text)}
	if k.underWay(process) {
		done.Warning = "a recovery that is under way goes on to its end"
	}
	return k.saved(done), nil
}

func (k *desk) underWay(process string) bool {
	return slices.ContainsFunc(k.d.engine.Status(), func(s recovery.Status) bool {
		return !s.Began.IsZero() && (process == "" || s.Process == process)
	})
}

// saved adds to an answer that a change may not survive the daemon.
func (k *desk) saved(done control.Done) control.Done {
	if err := k.d.savePauses(); err != nil {
		done.Warning = join(done.Warning, err.Error())
	}
	return done
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// Resume implements control.Daemon.
func (k *desk) Resume(ctx context.Context, by recovery.Operator, process string) (control.Done, error) {
	if err := k.known(ctx, process); err != nil {
		return control.Done{}, err
	}
	k.saving.Lock()
	defer k.saving.Unlock()
	done := control.Done{Changed: k.d.engine.Resume(process)}
	_, all := k.d.engine.Pauses()[""]
	if process != "" && all {
		done.Warning = "all processes are paused: monitor_service resume --all ends that"
	}
	if !done.Changed {
		done.Message = subject(process) + " not paused"
		if process == "" {
			done.Message = "There is no pause of all processes"
		}
		return done, nil
	}
	k.d.emit(recovery.Event{Kind: recovery.OperatorResume, At: time.Now(), Process: process, By: by})
	done.Message = subject(process) + " no longer paused"
	if left := len(k.d.engine.Pauses()); process == "" && left > 0 {
		done.Warning = "still paused on their own: " + plural(left, "process")
	}
	k.pollSoon(ctx)
	return k.saved(done), nil
}

// Reset implements control.Daemon.
func (k *desk) Reset(ctx context.Context, by recovery.Operator, process string) (control.Done, error) {
	if err := k.known(ctx, process); err != nil {
		return control.Done{}, err
	}
	done := control.Done{}
	if process == "" {
		n := k.d.engine.ResetAll()
		done.Changed = n > 0
		done.Message = "All breakers are closed and have no failures to forget"
		if done.Changed {
			done.Message = "All breakers are closed, and what they had counted is forgotten of " + plural(n, "process")
		}
	} else if done.Changed = k.d.engine.Reset(process); done.Changed {
		done.Message = fmt.Sprintf("The breaker of %q is closed and its failures are forgotten", process)
	} else {
		done.Message = fmt.Sprintf("The breaker of %q is closed already and has no failures to forget", process)
	}
	if done.Changed {
		k.d.emit(recovery.Event{Kind: recovery.OperatorReset, At: time.Now(), Process: process, By: by})
		k.pollSoon(ctx)
	}
	return done, nil
}

// CheckNow implements control.Daemon.
func (k *desk) CheckNow(ctx context.Context, by recovery.Operator) (control.Done, error) {
	k.d.emit(recovery.Event{Kind: recovery.OperatorPoll, At: time.Now(), By: by})
	result := make(chan polled, 1)
	if err := k.ask(ctx, result); err != nil {
		return control.Done{}, err
	}
	select {
	case r := <-result:
		if r.err != nil {
			return control.Done{}, unavailable("the database could not be polled: %v", r.err)
		}
		s := k.d.engine.Summary()
		return control.Done{Changed: true, Message: fmt.Sprintf("Polled: %d in alarm, %d recovering, %d waiting for a place, %d with an open breaker",
			s.Alarms, s.Running, s.Queued, s.OpenBreakers)}, nil
	case <-ctx.Done():
		return control.Done{}, unavailable("the poll is still under way")
	case <-k.d.ended:
		return control.Done{}, unavailable("the daemon is stopping")
	}
}

// ask hands a request for a poll to the loop.
func (k *desk) ask(ctx context.Context, result chan<- polled) error {
	select {
	case k.d.polls <- result:
		return nil
	case <-ctx.Done():
		return unavailable("the daemon is busy")
	case <-k.d.ended:
		return unavailable("the daemon is stopping")
	}
}

// pollSoon polls because an alarm may now be acted upon that was not before.
// Nobody waits for it.
func (k *desk) pollSoon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	_ = k.ask(ctx, make(chan polled, 1)) // the next poll comes by itself
}

// Names implements control.Daemon.
func (k *desk) Names(ctx context.Context) ([]string, error) {
	names := k.remembered()
	if more, err := k.namesOfDatabase(ctx); err == nil {
		names = append(names, more...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (k *desk) namesOfDatabase(ctx context.Context) ([]string, error) {
	v := k.d.shown.Load()
	if v.down() {
		return nil, v.outage
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return v.db.Names(ctx, maxNames)
}

// remembered are the names that are known without the database.
func (k *desk) remembered() []string {
	names := k.d.shown.Load().cfg.ProcessNames()
	for _, s := range k.d.engine.Status() {
		names = append(names, s.Process)
	}
	for name := range k.d.engine.Pauses() {
		names = append(names, name)
	}
	for name := range k.d.history.Last() {
		names = append(names, name)
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// known is an error for a name that nobody knows: neither the configuration,
// nor what has happened so far, nor the database. A name without a section is
// a process like any other if the database has it.
func (k *desk) known(ctx context.Context, process string) error {
	if process == "" || slices.Contains(k.remembered(), process) {
		return nil
	}
	v := k.d.shown.Load()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err := v.outage
	if !v.down() {
		var found bool
		if found, err = v.db.HasName(ctx, process); found {
			return nil
		}
	}
	e := &control.Error{Code: control.CodeUnknownProcess}
	if err != nil {
		e.Message = fmt.Sprintf("the process %q is not in the configuration, and the database that may know it cannot be asked: %v", process, err)
		return e
	}
	names, _ := k.Names(ctx) // it has no error
	e.Nearest = config.Nearest(process, names)
	e.Message = fmt.Sprintf("there is no process %q, neither in the configuration nor in the database", process)
	return e
}

// subject is the beginning of a sentence about a process, or about all.
func subject(process string) string {
	if process == "" {
		return "All processes are"
	}
	return fmt.Sprintf("The process %q is", process)
}

func unavailable(format string, args ...any) error {
	return &control.Error{Code: control.CodeUnavailable, Message: fmt.Sprintf(format, args...)}
}
