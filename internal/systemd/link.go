package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// maxCalls bounds who waits for replies at once. The bus refuses more than 128
// calls on one connection (max_replies_per_connection, dbus-daemon(1)), and a
// look at a unit makes maxQuestions of them.
const maxCalls = 120 / maxQuestions

// link is one connection to systemd, from its dialling to its loss.
type link struct {
	conn *sdbus.Conn
	// bus is the half of it for calls.
	bus *dbus.Conn
	// ctx ends when the connection is lost or given up.
	ctx    context.Context
	cancel context.CancelFunc
	// ends are closed when the half for calls or the half for signals is.
	ends [2]<-chan struct{}
	// calls holds a token for each call that waits for its reply.
	calls chan struct{}
	// starting holds a token for the one call that may be asking for a job.
	// The library locks a mutex for that time, which does not heed a
	// context; this does.
	starting chan struct{}

	mu sync.Mutex
	// silentSince is when the oldest call was made of those that ran out of
	// time since the last reply; zero where there is none.
	silentSince time.Time
}

// newLink dials, within dialLimit. The connection lives as long as ctx.
func newLink(ctx context.Context, dial func(context.Context) (*dbus.Conn, error)) (*link, error) {
	ctx, cancel := context.WithCancel(ctx)
	// Authentication reads from the socket and heeds no context of its own:
	// it is ended by the end of the connection's.
	limit := time.AfterFunc(dialLimit, cancel)
	defer limit.Stop()

	// The library dials for calls and then for signals, and waits for
	// neither's end.
	l := &link{
		ctx: ctx, cancel: cancel,
		calls:    make(chan struct{}, maxCalls),
		starting: make(chan struct{}, 1),
	}
	var halves []*dbus.Conn
	var err error
	l.conn, err = sdbus.NewConnection(func() (*dbus.Conn, error) {
		half, err := dial(ctx)
		halves = append(halves, half)
		return half, err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("no answer within %s: %w", dialLimit, err)
	case err == nil && ctx.Err() != nil:
		l.conn.Close()
		err = fmt.Errorf("no answer within %s", dialLimit)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	l.bus = halves[0]
	l.ends = [2]<-chan struct{}{halves[0].Context().Done(), halves[1].Context().Done()}
	return l, nil
}

// alive says whether the connection stands. It asks the connection itself: tend
// learns of a loss a moment later.
func (l *link) alive() bool { return l.ctx.Err() == nil && l.conn.Connected() }

// tend waits for the end of the connection, or of one of its halves, and puts
// both away.
func (l *link) tend() {
	select {
	case <-l.ctx.Done():
	case <-l.ends[0]:
	case <-l.ends[1]:
	}
	l.cancel()
	l.conn.Close()
}

// call runs one method call within replyLimit, and not more than maxCalls at
// once.
func (l *link) call(ctx context.Context, method func(context.Context, *link) error) error {
	ctx, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	select {
	case l.calls <- struct{}{}:
		defer func() { <-l.calls }()
	case <-ctx.Done():
		return unanswered(ctx.Err())
	case <-l.ctx.Done():
		return ErrUnavailable
	}
	began := time.Now()
	err := method(ctx, l)
	if connectionLost(err) {
		// A write that fails is noticed here first.
		l.cancel()
		return fmt.Errorf("%w: the connection was lost: %w", ErrUnavailable, err)
	}
	l.heard(err, began)
	if err != nil && ctx.Err() != nil {
		return unanswered(err)
	}
	return remoteError(err)
}

func unanswered(err error) error {
	return fmt.Errorf("%w: no answer in time: %w", ErrUnavailable, err)
}

func connectionLost(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, dbus.ErrClosed) ||
		errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded)
}

// heard notes whether a call was answered. A connection without a single
// answer for replyLimit is given up: what is sent on it piles up in its socket
// until a write blocks, and a blocked write heeds no context.
func (l *link) heard(err error, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !errors.Is(err, context.DeadlineExceeded) {
		if !errors.Is(err, context.Canceled) {
			l.silentSince = time.Time{}
		}
		return
	}
	if l.silentSince.IsZero() || began.Before(l.silentSince) {
		l.silentSince = began
	}
	if time.Since(l.silentSince) >= replyLimit {
		l.cancel()
	}
}
