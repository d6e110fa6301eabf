package logging

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowSink is a sink that writes when it is let, and keeps what it was given.
type slowSink struct {
	sink
	let     chan struct{}
	written [][]byte
	told    []change
}

// newSlowSink is for one bubble of synctest: nothing of it is read before
// everything else waits.
func newSlowSink() *slowSink {
	s := &slowSink{let: make(chan struct{})}
	s.write = func(line []byte) error {
		<-s.let
		s.written = append(s.written, line)
		return nil
	}
	s.tell = func(c change) { s.told = append(s.told, c) }
	return s
}

func (s *slowSink) addAll(n int) {
	for range n {
		s.add([]byte("x"))
	}
}

func TestLinesBeyondTheQueueAreDroppedCountedAndSaidOnce(t *testing.T) {
	for _, test := range []struct {
		name        string
		size, holds int // one line's bytes, and how many lines wait at most
	}{
		{"many lines", 10, maxLines},
		{"long lines", 1 << 20, maxBytes >> 20},
		{"lines longer than all may be", maxBytes + 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const more = 3
				s := newSlowSink()
				long := make([]byte, test.size)
				s.add([]byte("first"))
				synctest.Wait() // it does not wait any more: it is being written
				var want [][]byte
				for i := range test.holds + more {
					line := append(fmt.Appendf(nil, "%d", i), long...)[:test.size]
					s.add(line)
					if i < test.holds {
						want = append(want, line)
					}
				}
				if len(s.told) != 1 || !s.told[0].began || !errors.Is(s.told[0].err, errFull) || s.told[0].lost != 1 {
					t.Errorf("on the way in %+v is said", s.told)
				}
				if n := s.unwritten(); n != 1+test.holds+more {
					t.Errorf("%d lines are unwritten", n)
				}
				s.told = nil
				time.Sleep(time.Second)
				close(s.let)
				s.flush(t.Context())
				if len(s.told) != 1 || !s.told[0].ended || s.told[0].lost != more || s.told[0].took != time.Second {
					t.Errorf("on the way out %+v is said", s.told)
				}
				if len(s.written) != 1+test.holds || !slices.EqualFunc(s.written[1:], want, slices.Equal) {
					t.Errorf("%d lines are written, or not in their order", len(s.written))
				}
				s.add([]byte("later"))
				s.flush(t.Context())
				if len(s.written) != 2+test.holds || len(s.told) != 1 || s.unwritten() != 0 {
					t.Errorf("it did not come back: %d lines, %+v", len(s.written), s.told)
				}
			})
		})
	}
}

func TestAQueueThatWasFullTakesLinesWhenItIsEmptyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowSink()
		s.addAll(1)
		synctest.Wait() // it does not wait any more: it is being written
		s.addAll(maxLines + 1)
		for range maxLines { // all but the one in hand and the last
			s.let <- struct{}{}
		}
		synctest.Wait()
		s.add([]byte("dropped, so that there is one gap"))
		if s.lost != 2 || len(s.told) != 1 {
			t.Errorf("%d lines are lost, and %+v is said", s.lost, s.told)
		}
		close(s.let)
		s.flush(t.Context())
		if len(s.written) != maxLines+1 || len(s.told) != 2 || s.told[1].lost != 2 {
			t.Errorf("%d lines are written, and %+v is said", len(s.written), s.told)
		}
	})
}

func TestAFailureWhileLinesAreDroppedIsOneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowSink()
		s.retryAfter = retryAfter
		var mended atomic.Bool
		s.write = func([]byte) error {
			<-s.let
			if !mended.Load() {
				return errors.New("broken")
			}
			return nil
		}
		s.addAll(maxLines + 2)
		close(s.let)
		s.flush(t.Context())
		if len(s.told) != 1 || !s.told[0].began {
			t.Fatalf("%+v is said", s.told)
		}
		mended.Store(true)
		time.Sleep(retryAfter)
		s.add([]byte("x"))
		s.flush(t.Context())
		if len(s.told) != 2 || !s.told[1].ended || s.told[1].lost != maxLines+1 { // the newest is written
			t.Errorf("%+v is said", s.told)
		}
	})
}

func TestAWriteThatHangsIsSaidBeforeALineIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowSink()
		s.add([]byte("one"))
		time.Sleep(stuckAfter)
		s.add([]byte("two"))
		if len(s.told) != 0 {
			t.Errorf("%+v is said", s.told)
		}
		time.Sleep(time.Nanosecond)
		s.addAll(2)
		if len(s.told) != 1 || !s.told[0].began || !errors.Is(s.told[0].err, errStuck) || s.told[0].lost != 0 {
			t.Errorf("on the way in %+v is said", s.told)
		}
		time.Sleep(time.Minute)
		close(s.let)
		s.flush(t.Context())
		if len(s.told) != 2 || !s.told[1].ended || s.told[1].lost != 0 || s.told[1].took != time.Minute+stuckAfter+1 {
			t.Errorf("on the way out %+v is said", s.told)
		}
		if len(s.written) != 4 {
			t.Errorf("%q are written", s.written)
		}
	})
}

func TestWhatIsDoneInItsTurnCannotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowSink()
		var done []string
		do := func(what string) {
			s.do(func() { done = append(done, fmt.Sprintf("%s after %d lines", what, len(s.written))) })
		}
		s.add([]byte("one"))
		synctest.Wait()
		for range 1000 {
			do("a")
		}
		if n := len(s.queue); n != 1 {
			t.Errorf("%d wait", n)
		}
		s.add([]byte("two"))
		do("b")
		do("c")
		close(s.let)
		s.flush(t.Context())
		if want := []string{"a after 1 lines", "c after 2 lines"}; !slices.Equal(done, want) {
			t.Errorf("%q were done", done)
		}
	})
}

func TestFlushGivesUpAtItsLimitAndLeavesTheGoroutineBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowSink()
		s.add([]byte("one"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s.flush(ctx) {
			t.Error("one line is written, it is said")
		}
		close(s.let) // else the bubble could not end
	})
}
