package recovery

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWriteBackIsRetriedWithJitterAndIsCapped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		var tries []time.Time
		w.clearErr = func(string) error {
			tries = append(tries, time.Now())
			return errBroken
		}
		w.raise(1, "nginx")
		w.settle()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(tries) < 100 {
			t.Fatalf("%d tries in an hour", len(tries))
		}
		if first := tries[1].Sub(tries[0]); first > 2*firstRetry {
			t.Errorf("the first retry comes after %v, want about %v", first, firstRetry)
		}
		different := map[time.Duration]bool{}
		var longest time.Duration
		for i := 20; i < len(tries); i++ {
			pause := tries[i].Sub(tries[i-1])
			different[pause] = true
			longest = max(longest, pause)
		}
		if longest < lastRetry/2 || longest > lastRetry {
			t.Errorf("the longest pause is %v, want at most %v and not much less", longest, lastRetry)
		}
		if len(different) < 10 {
			t.Errorf("%d different pauses: daemons that lost one server come back all at once", len(different))
		}
	})
}
