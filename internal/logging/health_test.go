package logging

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestLostLinesAreCountedOverAllOutages has a sink fail twice and come back.
func TestLostLinesAreCountedOverAllOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFlaky(nil)
		want := func(failing bool, dropped int) {
			t.Helper()
			synctest.Wait()
			if h := s.health("file"); h.Name != "file" || h.Failing != failing || h.Dropped != dropped {
				t.Errorf("got %+v, want failing %t and %d dropped", h, failing, dropped)
			}
		}
		want(false, 0)
		for round := range 2 {
			s.fail(errors.New("no space left on device"))
			for range 3 {
				s.add([]byte("x"))
			}
			// One of them is kept, and written at the end.
			want(true, 2*(round+1))
			s.fail(nil)
			time.Sleep(retryAfter)
			s.add([]byte("x"))
			want(false, 2*(round+1))
		}
	})
}
