package breaker

import (
	"testing"
	"time"
	"unsafe"
)

const day = 24 * time.Hour

// step returns the moment t as it is read when the wall clock was stepped by d
// before: its wall reading is another, its monotonic reading is t's. No
// function of package time makes such a Time, so its layout is used, and whether
// that is still the layout is looked at.
func step(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	// The seconds of the wall clock are above 30 bits of nanoseconds.
	*(*uint64)(unsafe.Pointer(&at)) += uint64(int64(d/time.Second) << 30)
	return at
}

// steps are the clock before anything happened and after a step, both ways.
func steps(t *testing.T, hold func(t *testing.T, stepped func(time.Time) time.Time)) {
	for name, d := range map[string]time.Duration{"forward": day, "back": -day} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			if s := step(t, now, d); s.Sub(now) != 0 || s.Round(0).Sub(now.Round(0)) != d {
				t.Fatalf("a Time is made differently now: %v became %v", now, s)
			}
			hold(t, func(at time.Time) time.Time { return step(t, at, d) })
		})
	}
}

func TestASteppedWallClockNeitherClosesAnOpenBreakerNorKeepsItOpen(t *testing.T) {
	steps(t, func(t *testing.T, stepped func(time.Time) time.Time) {
		b, opened := New(), time.Now()
		for range limits.MaxFailures {
			fail(t, b, opened)
		}
		if a := b.Ask(stepped(opened.Add(limits.ResetTime-1)), limits); a.Allowed {
			t.Error("it lets a recovery through before circuit_reset_time is over")
		}
		if a := b.Ask(stepped(opened.Add(limits.ResetTime)), limits); !a.Trial {
			t.Error("it lets no trial through when circuit_reset_time is over")
		}
	})
}

func TestASteppedWallClockMakesNoSuccessHoldAndNoneFail(t *testing.T) {
	steps(t, func(t *testing.T, stepped func(time.Time) time.Time) {
		b, at := New(), time.Now()
		fail(t, b, at)
		b.Ask(at, limits)
		b.Succeeded(at)
		if !b.OnProbation(stepped(at.Add(limits.StableTime-1)), limits) {
			t.Error("the success counts before stable_time is over")
		}
		if b.Settle(stepped(at.Add(limits.StableTime)), limits); !b.Clean() {
			t.Error("the success does not count when stable_time is over")
		}
	})
}
