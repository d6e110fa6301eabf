package systemd

import (
	"context"
	"time"
)

// releaseLimit is how long systemd may take to let go of a unit. What it does
// not let go of is loaded for as long as the connection lasts.
const releaseLimit = 5 * time.Second

// Hold keeps systemd from forgetting a unit until release is called. Without
// that it forgets one that is not running and that no other unit refers to, and
// with it all that became of its last start, as soon as nothing is to be done
// for it. It is for whoever would like to know, and no more than that: a systemd
// that does not let this user hold units (it asks polkit for manage-units
// without naming the unit) forgets as before.
func (c *Client) Hold(ctx context.Context, name string) (release func()) {
	none := func() {}
	if !validName(name) || c.tell(ctx, name, "Ref") != nil {
		return none
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
		defer cancel()
		_ = c.tell(ctx, name, "Unref") // see releaseLimit
	}
}

// tell calls a method of a unit that takes nothing and gives nothing.
func (c *Client) tell(ctx context.Context, name, method string) error {
	return c.call(ctx, func(ctx context.Context, l *link) error {
		return l.unit(name).CallWithContext(ctx, unitInterface+"."+method, 0).Err
	})
}
