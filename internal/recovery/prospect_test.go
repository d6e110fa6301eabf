package recovery

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestProspectIsWhatTheNextAlarmGets compares what is said beforehand with
// what is then done.
func TestProspectIsWhatTheNextAlarmGets(t *testing.T) {
	const fragile = "max_restart_failures = 1\n[process.default]\nmax_attempts = 1\n"
	for name, c := range map[string]struct {
		config  string
		process string
		before  func(w *world)
		want    Reason
		follows []Kind
		trial   bool
	}{
		"never heard of": {},
		"paused":         {before: func(w *world) { w.engine.Pause("p", Pause{By: "root"}) }, want: ReasonPaused},
		"all paused":     {before: func(w *world) { w.engine.Pause("", Pause{By: "root"}) }, want: ReasonPaused},
		"another paused": {before: func(w *world) { w.engine.Pause("q", Pause{By: "root"}) }},
		"ignored":        {config: "unconfigured_processes = ignore\n", want: ReasonIgnored},
		"unsafe name":    {process: "x; reboot", want: ReasonUnsafeName},
		"breaker open": {config: fragile, before: func(w *world) {
			w.restart = always(errBroken)
			w.raise(1, "p")
			w.settle()
		}, want: ReasonBreakerOpen},
		"breaker due for its trial": {config: fragile, before: func(w *world) {
			w.restart = always(errBroken)
			w.raise(1, "p")
			w.settle()
			time.Sleep(time.Hour)
		}, trial: true},
		"back too soon": {config: "", before: func(w *world) {
			w.raise(1, "p")
			w.settle()
		}, follows: []Kind{Flapped}},
		"back too soon for the last time": {config: fragile, before: func(w *world) {
			w.raise(1, "p")
			w.settle()
		}, want: ReasonBreakerOpen, follows: []Kind{Flapped, BreakerOpened}},
		"restarted, not cleared": {before: func(w *world) {
			w.clearErr = func(string) error { return ErrReadOnly }
			w.raise(1, "p")
			w.settle()
		}, want: ReasonNotYetCleared},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, c.config)
				if c.process == "" {
					c.process = "p"
				}
				if c.before != nil {
					c.before(w)
				}
				restarts, events := w.restarted(c.process), len(w.events)
				got := w.engine.Prospect(c.process)
				if again := w.engine.Prospect(c.process); again.Reason != got.Reason || !slices.Equal(again.Follows, got.Follows) {
					t.Errorf("the second answer is %v, not %v: the first has changed something", again, got)
				}
				if len(w.events) != events {
					t.Errorf("it told %v", w.events[events:])
				}
				if got.Reason != c.want || got.Answer.Trial != c.trial || !slices.Equal(got.Follows, c.follows) {
					t.Errorf("reason %s, trial %t, follows %v; want %s, %t, %v",
						got.Reason, got.Answer.Trial, got.Follows, c.want, c.trial, c.follows)
				}
				w.raise(1, c.process)
				w.settle()
				if acted := w.restarted(c.process) > restarts; acted != (got.Reason == ReasonNone) {
					t.Errorf("restarted: %t, but it said %s", acted, got.Reason)
				}
			})
		})
	}
}

func TestProspectOfARecoveryUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		release := make(chan struct{})
		w.restart = func(context.Context, Order) error { <-release; return nil }
		w.raise(1, "p")
		w.poll()
		p := w.engine.Prospect("p")
		if p.Reason != ReasonRunning || p.Now.Began.IsZero() || p.Taken != 1 {
			t.Errorf("%+v", p)
		}
		close(release)
		synctest.Wait()
	})
}
