package daemon

import (
	"context"
	"errors"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/logging"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// Requests are what may be asked of a running daemon. Both channels have
// capacity 1: one request that waits is as good as many.
type Requests struct {
	Reload  <-chan struct{}
	PollNow <-chan struct{}
}

// polled is the result of one poll.
type polled struct {
	at   time.Time
	rows []recovery.Row
	odd  alarmdb.Odd
	err  error
	took time.Duration
	// generation tells a poll of the database before a reload.
	generation int
}

// Run polls until the context ends, then stops in order. The error says what
// could not be stopped; a failed poll or recovery never ends Run.
func (d *Daemon) Run(ctx context.Context, ask Requests) (err error) {
	l := &loop{d: d, results: make(chan polled, 1)}
	//nolint:contextcheck // stopping goes on after the context has ended
	defer func() {
		close(d.ended)
		if nerr := d.notify.Stopping("Stopping; recoveries under way may finish"); nerr != nil {
			d.log.Debug("Cannot tell systemd, ignoring", "error", nerr)
		}
		logging.Life(d.log, logging.Stopping)
		l.wait()
		err = errors.Join(err, d.stop())
	}()
	if err := d.listen(); err != nil { //nolint:contextcheck // the socket outlives the loop
		return err
	}
	d.pulse.beat(time.Now())
	d.openWeb()    //nolint:contextcheck // the listener outlives the loop
	d.sayStarted() //nolint:contextcheck // a line of the log has no end
	if err := d.notify.Ready(d.status()); err != nil {
		d.log.Warn("Cannot tell systemd that the service is ready, ignoring", "error", err)
	}
	l.run(ctx, ask)
	return nil
}

// statusPause is how long a changed status may wait to be told to systemd. To
// take it in and pass it on costs systemd as much as a restart: those that a poll
// leads to go first, and while hundreds of units are restarted it has better
// things to do.
const statusPause = 250 * time.Millisecond

// loop is the one ticker loop. It never waits for the database nor for a
// recovery, so that it can feed the watchdog: a hung database is no reason to
// restart the monitor, a hung loop is.
type loop struct {
	d *Daemon
	// results has capacity 1, since one poll is under way at most.
	results    chan polled
	polling    bool
	again      bool
	generation int
	// waiters get the result of a poll that begins after they asked.
	waiters []chan<- polled
	// end ends a poll under way.
	end context.CancelFunc
	// advised is the database that was asked for how it polls.
	advised string
}

func (l *loop) run(ctx context.Context, ask Requests) {
	var feed <-chan time.Time
	if every := systemd.WatchdogInterval(); every > 0 {
		t := time.NewTicker(every)
		defer t.Stop()
		feed = t.C
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	next := time.NewTimer(0)
	defer next.Stop()
	// It is stopped as long as nothing has changed.
	tell := time.NewTimer(statusPause)
	defer tell.Stop()
	tell.Stop()
	telling := false
	tellLater := func() {
		if !telling {
			telling = true
			tell.Reset(statusPause)
		}
	}
	fed := feed == nil // the first one is not waited for
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			// Without a free descriptor the watchdog cannot be fed. Half of
			// its patience is over then; the other half is not waited for.
			if !fed {
				fed = l.d.feed()
			}
		case <-feed:
			fed = l.d.feed()
		case <-next.C:
			l.poll(ctx)
		case <-ask.PollNow:
			l.d.log.Info("Polling now, as asked")
			l.again = l.polling
			l.poll(ctx)
		case <-l.d.bus.over:
			l.again = l.polling
			l.poll(ctx)
		case w := <-l.d.polls:
			l.waiters = append(l.waiters, w)
			l.again = l.polling
			l.poll(ctx)
		case <-ask.Reload:
			if l.d.reload() { //nolint:contextcheck // a new socket outlives the loop
				l.generation++
				l.again = l.polling
				l.poll(ctx)
			}
		case r := <-l.results:
			if r.err == nil && r.generation == l.generation {
				l.advise(ctx)
			}
			wait := l.take(r)
			l.d.nextPoll = time.Now().Add(wait)
			next.Reset(wait)
			tellLater()
		case <-l.d.changed:
			tellLater()
			continue
		case <-tell.C:
			telling = false
		}
		if !telling {
			l.d.tellStatus()
		}
		l.d.show()
		l.d.pulse.beat(time.Now())
	}
}

// poll begins a poll unless one is under way.
func (l *loop) poll(ctx context.Context) {
	if l.polling {
		return
	}
	l.polling = true
	ctx, l.end = context.WithCancel(ctx)
	db, generation := l.d.db, l.generation
	go func() {
		at := time.Now()
		rows, err := db.Poll(ctx)
		l.results <- polled{at: at, rows: rows, odd: db.Odd(), err: err, took: time.Since(at), generation: generation}
	}()
}

// wait ends the poll under way, if any.
func (l *loop) wait() {
	if l.polling {
		l.end()
		<-l.results
	}
}

// take deals with the result of a poll and returns how long to wait for the
// next one.
func (l *loop) take(r polled) time.Duration {
	l.end()
	again := l.again
	l.polling, l.again = false, false
	if r.generation != l.generation {
		return 0 // it asked the database of the configuration before
	}
	wait := l.d.digest(r)
	if again {
		return 0
	}
	for _, w := range l.waiters {
		w <- r // it has room for one
	}
	l.waiters = nil
	return wait
}

// digest hands a poll's alarms to the engine, or keeps the outage's books, and
// returns how long to wait for the next poll.
func (d *Daemon) digest(r polled) time.Duration {
	now := time.Now()
	d.countPoll(r)
	interval := d.cfg.Monitor.CheckInterval
	if r.err != nil {
		return d.outage.failed(now, r.err, interval, d.emit)
	}
	d.outage.ended(now, d.emit)
	d.lastPoll = r.at
	d.sayOdd(r.odd)
	d.engine.Cycle(r.at, r.rows)
	return max(0, interval-now.Sub(r.at))
}
