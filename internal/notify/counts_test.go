package notify

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestMessagesTriesAndLossesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := new(post), new(heard)
		n := New(to(p), h.tell)
		defer closeNow(n)
		want := func(sent, failed, lost int) {
			t.Helper()
			got := n.Counts()
			if len(got) != 1 || got[0] != (Counts{Channel: ChannelWebhook, Sent: sent, Failed: failed, Lost: lost}) {
				t.Errorf("got %+v, want %d sent, %d failed, %d lost", got, sent, failed, lost)
			}
		}
		want(0, 0, 0)
		n.Observe(opened("a"))
		time.Sleep(time.Minute) // of the bubble's clock
		want(1, 0, 0)

		failures := 0
		p.answers(func(context.Context) (bool, error) {
			failures++
			return failures < 3, errors.New("no")
		})
		n.Observe(opened("b"))
		n.Observe(opened("c"))
		time.Sleep(time.Hour)
		want(1, 3, 2)

		// A channel that is configured no more has nothing to show.
		n.Apply(new(Settings))
		if got := n.Counts(); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
}
