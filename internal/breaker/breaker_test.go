package breaker

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	limits = Limits{MaxFailures: 3, ResetTime: 30 * time.Minute, StableTime: 10 * time.Minute}
	start  = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
)

func TestEveryCellOfTheTable(t *testing.T) {
	want := map[State]map[Event]State{
		Closed:   {Trial: Closed, Success: Closed, Failure: Closed, LastFailure: Open, Abandon: Closed, Reset: Closed},
		Open:     {Trial: HalfOpen, Success: Open, Failure: Open, LastFailure: Open, Abandon: Open, Reset: Closed},
		HalfOpen: {Trial: HalfOpen, Success: Closed, Failure: Open, LastFailure: Open, Abandon: Open, Reset: Closed},
	}
	for from := Closed; from < numStates; from++ {
		for e := Trial; e < numEvents; e++ {
			to, ok := want[from][e]
			if !ok {
				t.Fatalf("the test says nothing about %v and event %d", from, e)
			}
			b := &Breaker{state: from}
			if b.apply(e); b.state != to {
				t.Errorf("%v and event %d: got %v, want %v", from, e, b.state, to)
			}
		}
	}
}

// fail lets one recovery through and fails it.
func fail(t *testing.T, b *Breaker, now time.Time) {
	t.Helper()
	if !b.Ask(now, limits).Allowed {
		t.Fatalf("refused at %v: %+v", now, b.Snapshot(limits))
	}
	b.Failed(now, limits, "restart_failed", "it broke")
}

func opened(t *testing.T) *Breaker {
	t.Helper()
	b := New()
	for range limits.MaxFailures {
		fail(t, b, start)
	}
	if s := b.Snapshot(limits); s.State != Open {
		t.Fatalf("not open after %d failures: %+v", limits.MaxFailures, s)
	}
	return b
}

func TestOpensAtTheLimitAndNotBefore(t *testing.T) {
	b := New()
	for i := 1; i < limits.MaxFailures; i++ {
		fail(t, b, start)
		if s := b.Snapshot(limits); s.State != Closed || s.Failures != i {
			t.Fatalf("after %d failures: %+v", i, s)
		}
	}
	fail(t, b, start)
	s := b.Snapshot(limits)
	if s.State != Open || !s.OpenedAt.Equal(start) || !s.NextTrial.Equal(start.Add(limits.ResetTime)) {
		t.Fatalf("at the limit: %+v", s)
	}
	if s.Reason != "restart_failed" || s.LastError != "it broke" {
		t.Errorf("the cause is lost: %+v", s)
	}
}

func TestOneTrialAfterTheResetTime(t *testing.T) {
	b := opened(t)
	if a := b.Ask(start.Add(limits.ResetTime-1), limits); a.Allowed || !a.NextTrial.Equal(start.Add(limits.ResetTime)) {
		t.Fatalf("before the reset time: %+v", a)
	}
	at := start.Add(limits.ResetTime)
	if a := b.Ask(at, limits); !a.Allowed || !a.Trial {
		t.Fatalf("at the reset time: %+v", a)
	}
	if a := b.Ask(at.Add(time.Hour), limits); a.Allowed {
		t.Fatalf("a second trial beside the first: %+v", a)
	}
}

func TestFailedTrialOpensForTheFullTime(t *testing.T) {
	b := opened(t)
	at := start.Add(2 * limits.ResetTime)
	fail(t, b, at)
	if s := b.Snapshot(limits); s.State != Open || !s.NextTrial.Equal(at.Add(limits.ResetTime)) {
		t.Fatalf("after the trial: %+v", s)
	}
}

func TestAbandonedTrialIsFreeAgain(t *testing.T) {
	b := opened(t)
	at := start.Add(limits.ResetTime)
	b.Ask(at, limits)
	b.Abandoned()
	if a := b.Ask(at, limits); !a.Trial {
		t.Fatalf("the trial is used up: %+v", a)
	}
}

func TestSuccessCountsOnlyOnceItHasHeld(t *testing.T) {
	b := opened(t)
	at := start.Add(limits.ResetTime)
	b.Ask(at, limits)
	b.Succeeded(at)
	if s := b.Snapshot(limits); s.State != Closed {
		t.Fatalf("a good trial does not close: %+v", s)
	}
	early := at.Add(limits.StableTime - 1)
	if !b.OnProbation(early, limits) {
		t.Fatal("no probation within the stable time")
	}
	b.Failed(early, limits, "flapping", "back")
	if s := b.Snapshot(limits); s.State != Open || !s.OpenedAt.Equal(early) {
		t.Fatalf("a trial that did not hold leaves the breaker %+v", s)
	}

	b = opened(t)
	b.Ask(at, limits)
	b.Succeeded(at)
	late := at.Add(limits.StableTime)
	if b.OnProbation(late, limits) {
		t.Fatal("probation outlasts the stable time")
	}
	b.Settle(late, limits)
	if !b.Clean() {
		t.Fatalf("a success that held leaves %+v", b.Snapshot(limits))
	}
}

func TestFlappingOpensToo(t *testing.T) {
	b, now := New(), start
	for i := 1; i <= limits.MaxFailures; i++ {
		if !b.Ask(now, limits).Allowed {
			t.Fatalf("refused at flap %d", i)
		}
		b.Succeeded(now)
		now = now.Add(limits.StableTime / 2)
		b.Failed(now, limits, "flapping", "back")
	}
	if s := b.Snapshot(limits); s.State != Open {
		t.Fatalf("after %d flaps: %+v", limits.MaxFailures, s)
	}
}

func TestResetForgetsEverything(t *testing.T) {
	b := opened(t)
	b.Reset()
	if !b.Clean() || b.Snapshot(limits) != (Snapshot{State: Closed}) {
		t.Fatalf("after a reset: %+v", b.Snapshot(limits))
	}
}

// TestNeverOverrun plays random histories and counts from the outside: in a
// run of failures without a success that held, at most MaxFailures recoveries
// begin, and after that at most one for each reset time.
func TestNeverOverrun(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			b, now := New(), start
			inRow := 0
			var heldSince, lastTrial time.Time
			for range 500 {
				now = now.Add(time.Duration(r.IntN(20)) * time.Minute)
				if b.OnProbation(now, limits) {
					b.Failed(now, limits, "flapping", "")
					inRow++
				} else if !heldSince.IsZero() {
					inRow = 0
				}
				heldSince = time.Time{}
				a := b.Ask(now, limits)
				if !a.Allowed {
					continue
				}
				if inRow >= limits.MaxFailures {
					if !a.Trial {
						t.Fatalf("let through after %d failures: %+v", inRow, b.Snapshot(limits))
					}
					if !lastTrial.IsZero() && now.Sub(lastTrial) < limits.ResetTime {
						t.Fatalf("two trials within %v", now.Sub(lastTrial))
					}
					lastTrial = now
				}
				switch r.IntN(4) {
				case 0:
					b.Succeeded(now)
					heldSince = now
				case 1, 2:
					b.Failed(now, limits, "restart_failed", "")
					inRow++
				case 3:
					b.Abandoned()
					if a.Trial {
						lastTrial = time.Time{}
					}
				}
			}
		})
	}
}
