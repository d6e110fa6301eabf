package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// post is a sender that keeps what it was given and answers as it is told.
type post struct {
	mu       sync.Mutex
	messages []Message
	at       []time.Time
	// answer is what send returns; nil is success.
	answer func(ctx context.Context) (bool, error)
}

func (p *post) send(ctx context.Context, m Message) (bool, error) {
	p.mu.Lock()
	p.messages = append(p.messages, m)
	p.at = append(p.at, time.Now())
	answer := p.answer
	p.mu.Unlock()
	if answer == nil {
		return false, nil
	}
	return answer(ctx)
}

func (p *post) answers(f func(ctx context.Context) (bool, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

func (p *post) sent() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Message(nil), p.messages...)
}

// heard keeps what a notifier reports.
type heard struct {
	mu      sync.Mutex
	reports []Report
}

func (h *heard) tell(r Report) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reports = append(h.reports, r)
}

func (h *heard) all() []Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Report(nil), h.reports...)
}

func all() config.NotifyEvents {
	var set config.NotifyEvents
	for _, e := range allEvents() {
		set[e] = true
	}
	return set
}

// to is one channel with usual limits.
func to(s sender) *Settings {
	settings := new(Settings)
	settings.channels[ChannelWebhook] = channelSettings{
		events: all(), sender: s, host: "web1", timeout: 30 * time.Second,
		groupWait: 10 * time.Second, groupInterval: 5 * time.Minute, retryFor: time.Hour, databaseAfter: 5 * time.Minute,
	}
	return settings
}

func opened(process string) recovery.Event {
	return recovery.Event{
		Kind: recovery.BreakerOpened, At: time.Now(), Process: process, IDs: []int64{17}, Reason: recovery.ReasonHealthCheck,
		Target:  recovery.Target{Strategy: config.StrategyService, Unit: process + ".service"},
		Breaker: breaker.Snapshot{State: breaker.Open, Failures: 3, NextTrial: time.Now().Add(time.Hour), LastError: "it is dead"},
	}
}

func closeNow(n *Notifier) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n.Close(ctx)
}

func TestAStormIsFewMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := new(post), new(heard)
		n := New(to(p), h.tell)
		for i := range 1000 {
			n.Observe(opened(fmt.Sprintf("p%d", i)))
			time.Sleep(time.Second) // of the bubble's clock
		}
		closeNow(n)
		sent := p.sent()
		if len(sent) < 2 || len(sent) > 6 {
			t.Errorf("1000 events in 1000 s are %d messages, want one at once and then one each 5 min", len(sent))
		}
		told := 0
		for _, m := range sent {
			told += len(m.Notices) + m.Omitted
		}
		if told != 1000 {
			t.Errorf("%d of 1000 events were told", told)
		}
		if first := p.at[0]; len(sent) > 1 && p.at[1].Sub(first) < 5*time.Minute {
			t.Errorf("the second message came %s after the first", p.at[1].Sub(first))
		}
	})
}

func TestWhatBelongsTogetherIsOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(post)
		n := New(to(p), new(heard).tell)
		began := time.Now()
		for i := range 12 {
			n.Observe(opened(fmt.Sprintf("p%d", i)))
		}
		time.Sleep(time.Minute)
		sent := p.sent()
		if len(sent) != 1 || p.at[0].Sub(began) != 10*time.Second {
			t.Fatalf("%d messages, want 1 after group_wait", len(sent))
		}
		if got := sent[0].Subject; got != "[monitor_service] web1: breaker opened: 12 processes" {
			t.Error(got)
		}
		closeNow(n)
	})
}

// A channel that hangs holds up nobody who observes, and no other channel.
func TestAHungChannelHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, well, h := new(post), new(post), new(heard)
		hung.answers(func(ctx context.Context) (bool, error) { <-ctx.Done(); return true, ctx.Err() })
		s := to(well)
		s.channels[ChannelCommand] = to(hung).channels[ChannelWebhook]
		n := New(s, h.tell)
		n.Observe(opened("first"))
		time.Sleep(11 * time.Second) // now it hangs
		before := time.Now()
		for i := range 100_000 {
			n.Observe(opened(fmt.Sprintf("p%d", i)))
		}
		if took := time.Since(before); took != 0 { // the bubble's clock stands still unless somebody waits
			t.Errorf("observing waited for %s", took)
		}
		time.Sleep(10 * time.Minute)
		if got := well.sent(); len(got) != 2 || got[1].Omitted != 100_000-maxNotices {
			t.Errorf("the other channel sent %d messages", len(got))
		}
		closeNow(n)
	})
}

func TestAFailureIsRetriedAndSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := new(post), new(heard)
		p.answers(func(context.Context) (bool, error) { return true, errors.New("no route") })
		n := New(to(p), h.tell)
		n.Observe(opened("a"))
		time.Sleep(10 * time.Minute)
		if got := h.all(); len(got) != 1 || got[0].Kind != Failing || got[0].Channel != ChannelWebhook || got[0].Err.Error() != "no route" {
			t.Fatalf("%+v", got)
		}
		tries := len(p.sent())
		if tries < 4 || tries > 12 {
			t.Errorf("%d tries in 10 min", tries)
		}
		p.answers(func(context.Context) (bool, error) { return true, errors.New("no answer") })
		time.Sleep(10 * time.Minute)
		if got := h.all(); len(got) != 2 || got[1].Err.Error() != "no answer" {
			t.Fatalf("another error is to be said: %+v", got)
		}
		n.Observe(opened("b"))
		p.answers(nil)
		time.Sleep(10 * time.Minute)
		got := h.all()
		if len(got) != 3 || got[2].Kind != Working || got[2].Events != 0 || got[2].Took < 19*time.Minute {
			t.Fatalf("the end is to be said: %+v", got)
		}
		sent := p.sent()
		if last := sent[len(sent)-1]; len(last.Notices) != 2 {
			t.Errorf("what happened meanwhile is not in the message: %+v", last.Notices)
		}
		before := len(sent)
		time.Sleep(time.Hour)
		if len(p.sent()) != before {
			t.Error("what was sent is sent again")
		}
		closeNow(n)
	})
}

// What happens while a try hangs and then fails goes with the next one.
func TestWhatHappensDuringAFailedTryIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(post)
		p.answers(func(ctx context.Context) (bool, error) { <-ctx.Done(); return true, ctx.Err() })
		n := New(to(p), new(heard).tell)
		n.Observe(opened("a"))
		time.Sleep(11 * time.Second)
		n.Observe(opened("b"))
		p.answers(nil)
		time.Sleep(time.Hour)
		closeNow(n)
		if sent := p.sent(); len(sent) != 2 || len(sent[1].Notices) != 2 {
			t.Errorf("%+v", sent)
		}
	})
}

func TestWhatCannotBeSentIsGivenUpAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := new(post), new(heard)
		p.answers(func(context.Context) (bool, error) { return true, errors.New("no route") })
		n := New(to(p), h.tell)
		n.Observe(opened("a"))
		n.Observe(opened("b"))
		time.Sleep(2 * time.Hour)
		tries := len(p.sent())
		time.Sleep(2 * time.Hour)
		if len(p.sent()) != tries {
			t.Error("it is tried for longer than retry_for")
		}
		got := h.all()
		if len(got) != 2 || got[1].Kind != Lost || got[1].Events != 2 {
			t.Fatalf("%+v", got)
		}
		p.answers(func(context.Context) (bool, error) { return false, errors.New("no such thing") })
		for range 3 {
			n.Observe(opened("c"))
			time.Sleep(time.Hour)
		}
		if after := len(p.sent()); after != tries+3 {
			t.Errorf("a refusal is tried %d times", after-tries)
		}
		p.answers(nil)
		n.Observe(opened("d"))
		time.Sleep(time.Hour)
		got = h.all()
		if len(got) != 4 || got[2].Kind != Lost || got[2].Events != 1 || got[3].Kind != Working || got[3].Events != 5 {
			t.Fatalf("%+v", got)
		}
		closeNow(n)
	})
}

func TestCloseSendsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(post)
		n := New(to(p), new(heard).tell)
		n.Observe(opened("a"))
		before := time.Now()
		closeNow(n)
		if len(p.sent()) != 1 || time.Since(before) != 0 {
			t.Errorf("%d messages after %s", len(p.sent()), time.Since(before))
		}
		n.Observe(opened("b")) // too late, and no harm
		closeNow(n)
	})
}

func TestCloseDoesNotWaitForAHungServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := new(post), new(heard)
		p.answers(func(ctx context.Context) (bool, error) { <-ctx.Done(); return true, ctx.Err() })
		n := New(to(p), h.tell)
		n.Observe(opened("a"))
		before := time.Now()
		closeNow(n)
		if took := time.Since(before); took != time.Second {
			t.Errorf("it took %s, the limit was 1 s", took)
		}
		if got := h.all(); len(got) != 1 || got[0].Kind != Lost || got[0].Events != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAnOutageIsToldWhenItHasLasted(t *testing.T) {
	lost := func(took time.Duration, text string) recovery.Event {
		return recovery.Event{Kind: recovery.DatabaseLost, At: time.Now(), Took: took, Err: errors.New(text)}
	}
	back := func(took time.Duration) recovery.Event {
		return recovery.Event{Kind: recovery.DatabaseBack, At: time.Now(), Took: took}
	}
	synctest.Test(t, func(t *testing.T) {
		p := new(post)
		n := New(to(p), new(heard).tell)
		n.Observe(lost(0, "down"))
		time.Sleep(4 * time.Minute)
		n.Observe(back(4 * time.Minute))
		time.Sleep(time.Hour)
		if got := p.sent(); len(got) != 0 {
			t.Fatalf("a short outage is told: %q", got[0].Text)
		}
		n.Observe(lost(0, "down"))
		time.Sleep(time.Minute)
		n.Observe(lost(time.Minute, "refused"))
		time.Sleep(4*time.Minute + 11*time.Second)
		got := p.sent()
		if len(got) != 1 || !strings.Contains(got[0].Text, "unreachable for 5m0s: refused") {
			t.Fatalf("%+v", got)
		}
		time.Sleep(time.Hour)
		n.Observe(back(65 * time.Minute))
		time.Sleep(time.Minute)
		got = p.sent()
		if len(got) != 2 || !strings.Contains(got[1].Text, "reachable again, after 1h5m") {
			t.Fatalf("%+v", got)
		}
		closeNow(n)
	})
}

// A daemon that begins, or is configured, in the middle of an outage tells it
// just as long after its beginning.
func TestOtherSettingsTakeOverWhatIsGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := new(post), new(post)
		before.answers(func(context.Context) (bool, error) { return true, errors.New("wrong address") })
		n := New(to(before), new(heard).tell)
		n.Observe(recovery.Event{Kind: recovery.DatabaseLost, At: time.Now(), Err: errors.New("down")})
		n.Observe(opened("a"))
		time.Sleep(time.Minute)
		n.Apply(to(after))
		time.Sleep(time.Second)
		if got := after.sent(); len(got) != 1 || !strings.Contains(got[0].Text, "a.service") {
			t.Fatalf("what the old settings could not send is not sent by the new: %+v", got)
		}
		time.Sleep(10 * time.Minute)
		if got := after.sent(); len(got) != 2 || !strings.Contains(got[1].Text, "unreachable") {
			t.Errorf("the outage is forgotten: %+v", got)
		}
		tries := len(before.sent())
		n.Apply(new(Settings)) // off
		n.Observe(opened("b"))
		time.Sleep(time.Hour)
		closeNow(n)
		if len(after.sent()) != 2 || len(before.sent()) != tries {
			t.Error("a channel that is off sends")
		}
	})
}

func TestEachChannelGetsItsEvents(t *testing.T) {
	events := map[config.NotifyEvent]recovery.Event{
		config.NotifyRecoveryFailed:      {Kind: recovery.RecoveryFailed, Process: "a"},
		config.NotifyBreakerOpened:       {Kind: recovery.BreakerOpened, Process: "a"},
		config.NotifyBreakerClosed:       {Kind: recovery.BreakerClosed, Process: "a"},
		config.NotifyRecoveredAfterOpen:  {Kind: recovery.RecoverySucceeded, Process: "a", Trial: true},
		config.NotifyFlapping:            {Kind: recovery.Flapped, Process: "a"},
		config.NotifyDatabaseUnreachable: {Kind: recovery.DatabaseLost, Took: time.Hour},
	}
	if len(events) != len(allEvents()) {
		t.Fatal("not every event is looked at")
	}
	for wanted := range events {
		synctest.Test(t, func(t *testing.T) {
			p := new(post)
			s := to(p)
			s.channels[ChannelWebhook].events = config.NotifyEvents{}
			s.channels[ChannelWebhook].events[wanted] = true
			n := New(s, new(heard).tell)
			for _, ev := range events {
				n.Observe(ev)
			}
			for kind := recovery.KindUnknown; kind <= recovery.DatabaseBack; kind++ {
				if kind != recovery.DatabaseBack { // the outage is to last
					n.Observe(recovery.Event{Kind: kind, Process: "of every kind"})
				}
			}
			time.Sleep(time.Hour)
			closeNow(n)
			sent := p.sent()
			if len(sent) != 1 {
				t.Fatalf("%s: %d messages", wanted, len(sent))
			}
			for _, notice := range sent[0].Notices {
				if notice.Event == config.NotifyRecoveredAfterOpen && notice.Process != "a" {
					t.Error("a recovery of a closed breaker is told")
				}
				if notice.Event != wanted {
					t.Errorf("%s is told for %s", notice.Event, wanted)
				}
			}
		})
	}
}

func TestTheSameEventAgainIsOneLine(t *testing.T) {
	b := newBatch()
	for range 5 {
		n, _ := noticeOf(opened("a"), time.Now())
		b.add(n, time.Now())
	}
	if m := b.message("h", time.Now()); len(m.Notices) != 1 || m.Notices[0].Times != 5 || !strings.Contains(m.Text, "5 times") {
		t.Errorf("%+v", m)
	}
}
