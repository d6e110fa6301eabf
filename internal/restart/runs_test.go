package restart

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// unitOrders are orders whose restart shows as a run of a unit, by that unit.
func unitOrders() map[string]recovery.Order {
	p := configured("web", func(p *config.Process) { p.RestartTimeout = time.Second })
	return map[string]recovery.Order{
		"web.service":           orderFor(p, recovery.Target{Strategy: config.StrategyService, Unit: "web.service"}),
		"monitored-web.service": orderFor(p, recovery.Target{Strategy: config.StrategyProcess, Command: "web"}),
		customUnit("web", 1):    orderFor(p, recovery.Target{Strategy: config.StrategyCustom, Command: "restart web"}),
	}
}

// inRun is a systemd with one unit, in the run.
func inRun(unit, run string, change func(*systemd.Unit)) *recorder {
	u := systemd.Unit{ID: unit, LoadState: systemd.LoadLoaded, ActiveState: systemd.StateActive, InvocationID: run}
	if change != nil {
		change(&u)
	}
	return &recorder{units: map[string]systemd.Unit{unit: u}}
}

func TestARunThatWasNotThereBeforeIsTheRestart(t *testing.T) {
	for unit, o := range unitOrders() {
		fake := inRun(unit, "first", nil)
		r := newRestarter(t, fake)
		r.transient = true
		before := beginnings(t, r, o)
		if !slices.Equal(before, []string{"first"}) {
			t.Fatalf("%s: runs %v", unit, before)
		}
		_, begun := fake.calls()
		fake.units = inRun(unit, "second", nil).units
		o.Unsure, o.Before = true, before
		if err := r.Restart(t.Context(), o); err != nil {
			t.Errorf("%s: %v", unit, err)
		}
		if _, done := fake.calls(); len(done) > len(begun) {
			t.Errorf("%s was restarted, and systemd was asked for %v", unit, done[len(begun):])
		}
	}
}

func TestARestartIsMadeWhereNoneIsSeen(t *testing.T) {
	for name, change := range map[string]func(o *recovery.Order, u *systemd.Unit){
		"the run of before":       func(_ *recovery.Order, u *systemd.Unit) { u.InvocationID = "first" },
		"never run":               func(_ *recovery.Order, u *systemd.Unit) { u.InvocationID = "" },
		"a new run that failed":   func(_ *recovery.Order, u *systemd.Unit) { u.ActiveState = systemd.StateFailed },
		"a new run that ended":    func(_ *recovery.Order, u *systemd.Unit) { u.ActiveState = systemd.StateInactive },
		"nothing was left unsure": func(o *recovery.Order, _ *systemd.Unit) { o.Unsure = false },
	} {
		for unit, o := range unitOrders() {
			o.Unsure, o.Before = true, []string{"first"}
			fake := inRun(unit, "second", func(u *systemd.Unit) { change(&o, u) })
			r := newRestarter(t, fake)
			r.transient = true
			_ = r.Restart(t.Context(), o)
			if _, done := fake.calls(); len(done) == 0 {
				t.Errorf("%s, %s: systemd was asked for nothing", unit, name)
			}
		}
	}
}

func TestAnErrorThatLeavesTheRestartOpenSaysSo(t *testing.T) {
	for err, want := range map[error]bool{
		systemd.ErrUnavailable:              true,
		systemd.ErrClosed:                   true,
		context.DeadlineExceeded:            true,
		context.Canceled:                    true,
		&systemd.JobError{Result: ""}:       true,
		&systemd.JobError{Result: "failed"}: false,
		systemd.ErrDenied:                   false,
		systemd.ErrNoSuchUnit:               false,
		errors.New("another one"):           false,
	} {
		fake := inRun("web.service", "first", nil)
		fake.err = fmt.Errorf("no: %w", err)
		r := newRestarter(t, fake)
		got := r.Restart(t.Context(), unitOrders()["web.service"])
		if errors.Is(got, recovery.ErrUnsure) != want || !errors.Is(got, err) {
			t.Errorf("%v became %v, want open %t", err, got, want)
		}
	}
}

func TestWithoutSystemdRunsCannotBeToldApart(t *testing.T) {
	r := newRestarter(t, nil)
	o := unitOrders()["monitored-web.service"]
	o.Target.Command = "true"
	if runs := beginnings(t, r, o); len(runs) != 0 {
		t.Errorf("got %v", runs)
	}
}

// beginnings are the runs that a restart finds, which has to tell them once,
// before it asks systemd for anything.
func beginnings(t *testing.T, r *Restarter, o recovery.Order) (found []string) {
	t.Helper()
	told := 0
	o.Begin = func(runs []string) {
		told++
		found = runs
		if fake, ok := r.units.(*recorder); ok {
			if _, done := fake.calls(); len(done) > 0 {
				t.Errorf("it begins after systemd was asked for %v", done)
			}
		}
	}
	_ = r.Restart(t.Context(), o)
	if told != 1 {
		t.Fatalf("its beginning was told %d times", told)
	}
	return found
}
