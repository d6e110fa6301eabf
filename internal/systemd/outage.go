package systemd

import (
	"fmt"
	"sync"
	"time"
)

// redialEvery is how often a bus that is lost is dialled by itself.
const redialEvery = time.Second

var errLost = fmt.Errorf("%w: the connection was lost", ErrUnavailable)

// outage keeps the books of a bus that cannot be reached.
type outage struct {
	mu sync.Mutex
	// tell is nil where nobody wants to know.
	tell func(err error)
	on   bool
}

// OnOutage has f told when the bus is lost, with the error, and when it is back,
// with nil: each once, in turn, and f must be quick. From then on a bus that is
// lost is dialled again without a call, or nobody would learn that it is back.
// OnOutage is called before the first call.
func (c *Client) OnOutage(f func(err error)) { c.outage.tell = f }

// lost notes that the bus cannot be reached.
func (c *Client) lost(err error) {
	o := &c.outage
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.on || o.tell == nil || c.ctx.Err() != nil {
		return
	}
	o.on = true
	o.tell(err)
	c.goroutines.Go(c.redial)
}

// back notes that the bus is reached.
func (c *Client) back() {
	o := &c.outage
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.on {
		o.on = false
		o.tell(nil)
	}
}

// redial dials until the bus is reached or the client closed. It waits before each
// time: a bus that takes connections and drops them would keep it busy.
func (c *Client) redial() {
	for {
		select {
		case <-time.After(redialEvery):
		case <-c.ctx.Done():
			return
		}
		if _, err := c.connect(c.ctx); err == nil {
			c.back() // somebody else may have dialled before the loss was noted
			return
		}
	}
}
