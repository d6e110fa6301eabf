package notify

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

const (
	// A message that failed is tried again after firstRetry, then less and
	// less often, at least every lastRetry.
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
	// maxSaid bounds the different errors that are told of one trouble: an
	// error that is another one each time is not told for ever.
	maxSaid = 10
)

// channelSettings are what one channel is configured to do. It is off where
// sender is nil.
type channelSettings struct {
	events config.NotifyEvents
	sender sender
	host   string

	timeout                  time.Duration
	groupWait, groupInterval time.Duration
	retryFor                 time.Duration
	databaseAfter            time.Duration
}

// channel gathers events and sends them, one message at a time.
type channel struct {
	kind Channel
	tell func(Report)
	wake chan struct{} // capacity 1: one pending wake-up is enough

	// mu is never held while a message is sent.
	mu       sync.Mutex
	settings channelSettings
	pending  *batch
	outage   outage
	// sentAt is when the last message was sent or given up.
	sentAt time.Time
	// retryAt is when the pending batch may be tried again, zero for one
	// that was not tried.
	retryAt time.Time
	wait    *backoff.ExponentialBackOff
	trouble trouble
	// refusals are the errors of recipients that were said.
	refusals map[string]bool
	counts   Counts
	closing  bool
}

func newChannel(kind Channel, s channelSettings, tell func(Report)) *channel {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.Multiplier = firstRetry, 2
	// What jitter adds is within the limit.
	wait.MaxInterval = time.Duration(float64(lastRetry) / (1 + wait.RandomizationFactor))
	return &channel{
		kind: kind, tell: tell, settings: s, wait: wait,
		wake: make(chan struct{}, 1), pending: newBatch(),
	}
}

func (c *channel) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// observe takes an event into the pending batch, if it is one to be told.
func (c *channel) observe(ev recovery.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	at := ev.At
	if at.IsZero() {
		at = time.Now()
	}
	switch ev.Kind { //nolint:exhaustive // most events are about one process, see noticeOf
	case recovery.DatabaseLost:
		c.outage.begin(at.Add(-ev.Took), ev.Err)
	case recovery.DatabaseBack:
		if c.outage.told {
			c.add(databaseBack(at, ev.Took))
		}
		c.outage = outage{}
	default:
		notice, ok := noticeOf(ev, at)
		if !ok {
			return
		}
		c.add(notice)
	}
	c.poke()
}

// add puts a notice into the pending batch. The lock is held.
func (c *channel) add(n Notice) {
	if c.settings.sender != nil && c.settings.events.Has(n.Event) {
		c.pending.add(n, time.Now())
	}
}

// apply puts other settings in force.
func (c *channel) apply(s channelSettings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings = s
	c.retryAt = time.Time{}
	c.wait.Reset()
	c.refusals = nil
	c.pending.keep(func(n Notice) bool { return s.sender != nil && s.events.Has(n.Event) })
	if s.sender == nil {
		c.trouble = trouble{}
	}
	c.poke()
}

func (c *channel) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	c.poke()
}

// run sends what is due until the channel is closed and nothing is left.
func (c *channel) run(life context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := c.next(time.Now())
		switch {
		case next.batch != nil:
			c.send(life, next)
			continue
		case next.stop:
			return
		}
		var due <-chan time.Time
		if next.wait > 0 {
			timer.Reset(next.wait)
			due = timer.C
		}
		select {
		case <-c.wake:
		case <-due:
		}
	}
}

// step is what a channel does next: send a batch, stop, or wait; 0 is until
// something happens.
type step struct {
	batch    *batch
	settings channelSettings
	stop     bool
	wait     time.Duration
}

func (c *channel) next(now time.Time) step {
	c.mu.Lock()
	defer c.mu.Unlock()
	var s step
	if c.settings.sender != nil && c.settings.events.Has(config.NotifyDatabaseUnreachable) && !c.closing {
		if s.wait = c.outage.until(now, c.settings.databaseAfter); s.wait == 0 && c.outage.isDue() {
			c.add(c.outage.tell(now))
		}
	}
	if c.pending.empty() {
		s.stop = c.closing
		return s
	}
	if wait := c.due().Sub(now); wait > 0 && !c.closing {
		if s.wait == 0 || wait < s.wait {
			s.wait = wait
		}
		return s
	}
	s.batch, s.settings = c.pending, c.settings
	c.pending = newBatch()
	return s
}

// due is when the pending batch may be sent.
func (c *channel) due() time.Time {
	if !c.retryAt.IsZero() {
		return c.retryAt
	}
	due := c.pending.began.Add(c.settings.groupWait)
	if apart := c.sentAt.Add(c.settings.groupInterval); !c.sentAt.IsZero() && apart.After(due) {
		due = apart
	}
	return due
}

// send tries once to send a batch, and draws the consequences.
func (c *channel) send(life context.Context, s step) {
	ctx, cancel := context.WithTimeout(life, s.settings.timeout)
	retry, err := s.settings.sender.send(ctx, s.batch.message(s.settings.host, time.Now()))
	cancel()
	for _, r := range c.settle(s.batch, retry, err, time.Now()) {
		if r.Kind != ReportUnknown {
			c.tell(r)
		}
	}
}

// settle notes the outcome of a try. A report is empty where there is nothing
// new to tell.
func (c *channel) settle(b *batch, retry bool, err error, now time.Time) []Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retryAt = time.Time{}
	if err == nil {
		c.counts.Sent++
		c.sentAt = now
		c.wait.Reset()
		c.refusals = nil
		return []Report{c.trouble.end(c.kind, now)}
	}
	if some := new(partly); errors.As(err, &some) {
		b.told(some.told)
		c.counts.Sent += min(len(some.told), 1)
	}
	if b.untold() > 0 {
		c.counts.Failed++
	}
	lost := 0
	switch {
	case !retry || c.closing || c.settings.sender == nil:
		c.sentAt = now
		if lost = b.untold(); lost == 0 {
			return c.settleForSome(err, now)
		}
	default:
		lost = b.expire(now.Add(-c.settings.retryFor))
		b.merge(c.pending)
		b.keep(func(n Notice) bool { return c.settings.events.Has(n.Event) })
		c.pending = b
		if b.empty() {
			c.sentAt = now
			break
		}
		c.retryAt = now.Add(c.wait.NextBackOff())
	}
	c.counts.Lost += lost
	return []Report{c.trouble.note(c.kind, now, err, lost)}
}

// settleForSome notes a message that is given up for some of its recipients
// only: somebody is told, so the channel works. Whom it does not reach is said
// once, until all are reached again. The lock is held.
func (c *channel) settleForSome(err error, now time.Time) []Report {
	c.wait.Reset()
	reports := []Report{c.trouble.end(c.kind, now)}
	if c.refusals[err.Error()] || len(c.refusals) >= maxSaid {
		return reports
	}
	if c.refusals == nil {
		c.refusals = make(map[string]bool)
	}
	c.refusals[err.Error()] = true
	return append(reports, Report{Kind: Partly, Channel: c.kind, Err: err})
}

// trouble keeps the books of a channel that does not work.
type trouble struct {
	since time.Time
	// lost is how many events were given up, untold those of them that no
	// report has told.
	lost, untold int
	said         map[string]bool
}

// note notes a failure and returns the report that it is worth, if any.
func (t *trouble) note(kind Channel, now time.Time, err error, lost int) Report {
	if t.since.IsZero() {
		*t = trouble{since: now, said: make(map[string]bool)}
	}
	t.lost += lost
	t.untold += lost
	r := Report{Kind: Failing, Channel: kind, Err: err}
	if lost > 0 {
		r.Kind, r.Events = Lost, t.untold
	}
	id := err.Error()
	if lost > 0 {
		id = "lost: " + id
	}
	if t.said[id] || len(t.said) >= maxSaid {
		return Report{}
	}
	t.said[id] = true
	if lost > 0 {
		t.untold = 0
	}
	return r
}

// end notes a success and returns the report of the trouble's end, if there
// was trouble.
func (t *trouble) end(kind Channel, now time.Time) Report {
	if t.since.IsZero() {
		return Report{}
	}
	r := Report{Kind: Working, Channel: kind, Events: t.lost, Took: now.Sub(t.since)}
	*t = trouble{}
	return r
}
