package systemd

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	// dialLimit bounds reaching the bus: connecting to its socket,
	// authentication and the first calls.
	dialLimit = 5 * time.Second
	// replyLimit bounds the wait for the reply to one method call; it is
	// the time that sd-bus itself allows (sd_bus_set_method_call_timeout(3)).
	replyLimit = 25 * time.Second
	// lostCheckInterval is how often a job that is waited for is looked at,
	// in case its signal was lost.
	lostCheckInterval = 5 * time.Second
)

// Client speaks to the system's systemd over the system bus. It is safe for
// concurrent use; all calls share one connection, which is dialled when it is
// needed and dialled anew after it was lost. A call whose connection is lost
// fails promptly with an error that wraps ErrUnavailable.
//
// Root could use systemd's private socket instead. It does not: on the system
// bus the bus policy and polkit apply to this daemon as to everybody, and the
// daemon behaves the same whether it runs as root or as a user of its own.
type Client struct {
	dial              func(context.Context) (*dbus.Conn, error)
	lostCheckInterval time.Duration

	// ctx lives as long as the client and owns its connections; goroutines
	// are those that dial and those that look after a connection.
	ctx        context.Context
	cancel     context.CancelFunc
	goroutines sync.WaitGroup

	mu      sync.Mutex
	link    *link
	dialing *dialing

	outage outage
}

// dialing is one attempt to reach the bus, which every call that comes
// meanwhile waits for.
type dialing struct {
	done chan struct{}
	link *link
	err  error
}

// NewClient returns a client of the system bus. It connects at the first call.
func NewClient() *Client { return NewClientWith(dialSystemBus) }

// NewClientWith returns a client of the bus that dial reaches. Each call of
// dial returns a connection of its own, authenticated and greeted, that lives
// no longer than the context that dial was given.
func NewClientWith(dial func(context.Context) (*dbus.Conn, error)) *Client {
	ctx, cancel := context.WithCancel(context.Background())
	return &Client{dial: dial, lostCheckInterval: lostCheckInterval, ctx: ctx, cancel: cancel}
}

func dialSystemBus(ctx context.Context) (*dbus.Conn, error) {
	// The user is named by number: the name would have to be looked up in
	// a directory that may be the very service that is down.
	auth := dbus.AuthExternal(strconv.Itoa(os.Geteuid()))
	return dbus.ConnectSystemBus(dbus.WithContext(ctx), dbus.WithAuth(auth))
}

// Close ends the connection. Calls under way and later ones fail with an error
// that wraps ErrClosed. Jobs that systemd was given are not cancelled.
func (c *Client) Close() {
	// Under the lock, so that no call starts a goroutine behind the wait.
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.goroutines.Wait()
}

// connect returns the connection, dialling where there is none.
func (c *Client) connect(ctx context.Context) (*link, error) {
	c.mu.Lock()
	if c.ctx.Err() != nil {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	if c.link != nil && c.link.alive() {
		defer c.mu.Unlock()
		return c.link, nil
	}
	if c.dialing == nil {
		c.dialing = &dialing{done: make(chan struct{})}
		c.goroutines.Go(c.dialOnce)
	}
	d := c.dialing
	c.mu.Unlock()

	select {
	case <-d.done:
		return d.link, d.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: no connection yet: %w", ErrUnavailable, ctx.Err())
	}
}

// dialOnce carries out c.dialing. It runs under the client's context and not
// under that of a call: the context that dials a connection owns it.
func (c *Client) dialOnce() {
	l, err := newLink(c.ctx, c.dial)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if c.ctx.Err() != nil {
		err = ErrClosed
	}
	c.mu.Lock()
	d := c.dialing
	c.dialing = nil
	d.link, d.err = l, err
	if l != nil {
		c.link = l
		c.goroutines.Go(func() {
			l.tend()
			c.lost(errLost)
		})
	}
	close(d.done)
	c.mu.Unlock()
	if err != nil {
		c.lost(err)
	} else {
		c.back()
	}
}

// call makes one method call, or a few, on the connection.
func (c *Client) call(ctx context.Context, method func(context.Context, *link) error) error {
	l, err := c.connect(ctx)
	if err != nil {
		return err
	}
	return c.explain(l.call(ctx, method))
}

// explain says of an error whether Close is to blame for it.
func (c *Client) explain(err error) error {
	if err != nil && c.ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}
