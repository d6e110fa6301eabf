//go:build integration

package systemd

import (
	"errors"
	"testing"
)

func TestAnOutageOfTheBusIsToldOnceAndItsEndWithoutACall(t *testing.T) {
	b, c, ctx := setUp(t)
	told := make(chan error, 100)
	c.OnOutage(func(err error) { told <- err })
	c.mustRestart(ctx, t, nginx)
	for range 3 {
		b.Kill()
		if err := <-told; !errors.Is(err, ErrUnavailable) {
			t.Errorf("its beginning is told as %v", err)
		}
		for range 10 {
			if _, err := c.Unit(ctx, nginx); !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v, want an error that wraps ErrUnavailable", err)
			}
		}
		b.Revive()
		if err := <-told; err != nil {
			t.Errorf("its end is told as %v", err)
		}
		c.mustRestart(ctx, t, nginx)
	}
	c.Close()
	if len(told) != 0 {
		t.Errorf("%d more were told, the first %v", len(told), <-told)
	}
}

func TestABusThatIsDownFromTheBeginningIsAnOutage(t *testing.T) {
	b, c, ctx := setUp(t)
	told := make(chan error, 100)
	c.OnOutage(func(err error) { told <- err })
	b.Kill()
	if _, err := c.Unit(ctx, nginx); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want an error that wraps ErrUnavailable", err)
	}
	if err := <-told; !errors.Is(err, ErrUnavailable) {
		t.Errorf("its beginning is told as %v", err)
	}
	b.Revive()
	if err := <-told; err != nil {
		t.Errorf("its end is told as %v", err)
	}
}

// A loss may be noted after somebody has dialled anew.
func TestALossThatIsNotedLateEnds(t *testing.T) {
	_, c, ctx := setUp(t)
	told := make(chan error, 100)
	c.OnOutage(func(err error) { told <- err })
	c.mustRestart(ctx, t, nginx)
	c.goroutines.Go(func() { c.lost(errLost) })
	if err := <-told; err == nil {
		t.Error("it is not told")
	}
	if err := <-told; err != nil {
		t.Errorf("its end is told as %v", err)
	}
}
