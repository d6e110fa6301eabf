package restart

import (
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/systemd"
)

// The bubble's clock stands still while nothing waits.
func TestARestartThatFollowsAtOnceLooksAtItsUnitOnceBeforeAndOnceAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		units := &recorder{}
		units.knows("web.service", systemd.LoadLoaded)
		r := newRestarter(t, units)
		p := process("web")
		for _, c := range []struct {
			pause time.Duration
			looks int
		}{{0, 2}, {glanceLife, 3}} {
			target, err := r.Resolve(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(c.pause)
			if err := r.Restart(t.Context(), orderFor(p, target)); err != nil {
				t.Fatal(err)
			}
			if asked, _ := units.calls(); len(asked) != c.looks {
				t.Errorf("%s after it was resolved: %d looks, want %d", c.pause, len(asked), c.looks)
			}
			units.asked = nil
		}
	})
}

func TestWhatWasSeenIsGoodForOneRestartAtOnce(t *testing.T) {
	g := glances{of: map[string]glance{}}
	at := time.Now()
	g.keep(systemd.Unit{Name: "web.service", InvocationID: "a"}, at)
	if _, fresh := g.take("db.service", at); fresh {
		t.Error("what was seen of one unit is taken for another")
	}
	if u, fresh := g.take("web.service", at.Add(glanceLife-1)); !fresh || u.InvocationID != "a" {
		t.Errorf("got %+v, fresh %t", u, fresh)
	}
	if _, fresh := g.take("web.service", at); fresh {
		t.Error("it is good for a second restart")
	}
	g.keep(systemd.Unit{Name: "web.service"}, at)
	if _, fresh := g.take("web.service", at.Add(glanceLife)); fresh {
		t.Error("it is good for ever")
	}
	for i := range 1000 {
		g.keep(systemd.Unit{Name: time.Duration(i).String()}, at.Add(time.Duration(i)*time.Millisecond))
	}
	if n := len(g.of); n > int(glanceLife/time.Millisecond) {
		t.Errorf("%d are kept that no restart has followed", n)
	}
}
