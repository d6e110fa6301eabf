package web

import (
	"context"
	"sync"
	"time"

	"monitor_service/internal/control"
)

const (
	// fresh is how long an answer is given again, so that many open pages
	// ask the daemon, its database and its message bus no more than one does.
	fresh = time.Second
	// askTime bounds one question to the daemon. It is more than the daemon
	// gives its database.
	askTime = 10 * time.Second
)

// calm asks the daemon on behalf of everybody who looks.
type calm struct {
	daemon Daemon
	status shared[control.Status]
	ready  shared[struct{}]
	// turn has room for the one question about a single process that may be
	// under way: the daemon may have to look such a name up.
	turn chan struct{}
}

func newCalm(d Daemon) *calm { return &calm{daemon: d, turn: make(chan struct{}, 1)} }

// Status implements control.Reader.
func (c *calm) Status(ctx context.Context, process string) (control.Status, error) {
	if process == "" {
		return c.status.get(ctx, func(ctx context.Context) (control.Status, error) { return c.daemon.Status(ctx, "") })
	}
	if err := c.wait(ctx); err != nil {
		return control.Status{}, err
	}
	defer c.done()
	return c.daemon.Status(ctx, process)
}

// maxShown bounds the recoveries in one answer here.
const maxShown = 500

// History implements control.Reader.
func (c *calm) History(ctx context.Context, process string, limit int) (control.History, error) {
	limit = min(limit, maxShown)
	if process != "" {
		if err := c.wait(ctx); err != nil {
			return control.History{}, err
		}
		defer c.done()
	}
	return c.daemon.History(ctx, process, limit)
}

// Ready is nil where the daemon is alive and would answer an alarm.
func (c *calm) Ready(ctx context.Context) error {
	if err := c.daemon.Alive(); err != nil {
		return err
	}
	_, err := c.ready.get(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, c.daemon.Ready(ctx) })
	return err
}

func (c *calm) wait(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *calm) done() { <-c.turn }

// shared is an answer that is asked for once by many.
type shared[T any] struct {
	mu    sync.Mutex
	at    time.Time
	value T
	err   error
}

// get returns the answer, and asks where the last one is no longer fresh. Those
// who come meanwhile wait for the same answer, which does not end with the one
// client that happened to be first.
func (s *shared[T]) get(ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at.IsZero() || time.Since(s.at) >= fresh {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		s.value, s.err = ask(ctx)
		s.at = time.Now()
	}
	return s.value, s.err
}
