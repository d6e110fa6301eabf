package restart

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// stubborn is a systemd whose unit ends by itself after its own limit, or when
// it is killed.
type stubborn struct {
	recorder
	limit  time.Duration
	killed chan struct{}
}

func (s *stubborn) Stop(ctx context.Context, name string) error {
	_ = s.do("stop", name)
	select {
	case <-s.killed:
		return nil
	case <-time.After(s.limit):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stubborn) Kill(_ context.Context, name string) error {
	close(s.killed)
	return s.do("kill", name)
}

func TestAUnitIsKilledWhenStopTimeoutIsOver(t *testing.T) {
	for _, c := range []struct {
		own, timeout time.Duration
		want         string
	}{
		{90 * time.Second, 0, "stop u, kill u, stop u, reset u"},
		{time.Hour, 10 * time.Second, "stop u, kill u, stop u, reset u"},
		{10 * time.Second, 10 * time.Second, "stop u, reset u"},
	} {
		units := &stubborn{limit: c.own}
		units.knows("u", systemd.LoadLoaded)
		r := newRestarter(t, units)
		synctest.Test(t, func(t *testing.T) {
			units.killed = make(chan struct{})
			begun := time.Now()
			if err := r.stopUnit(t.Context(), "u", c.timeout); err != nil {
				t.Errorf("%+v: %v", c, err)
			}
			if took := time.Since(begun); took > c.timeout+killGrace {
				t.Errorf("%+v: it took %s", c, took)
			}
			if _, done := units.calls(); strings.Join(done, ", ") != c.want {
				t.Errorf("%+v: systemd was asked for %v", c, done)
			}
		})
	}
}

func TestAStopThatIsGivenUpKillsNothing(t *testing.T) {
	units := &stubborn{limit: time.Hour, killed: make(chan struct{})}
	units.knows("u", systemd.LoadLoaded)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newRestarter(t, units).stopUnit(ctx, "u", time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, done := units.calls(); strings.Contains(strings.Join(done, ", "), "kill") {
		t.Errorf("systemd was asked for %v", done)
	}
}

// starts is a systemd that keeps what it was asked to start.
type starts struct {
	recorder
	asked systemd.Transient
}

func (s *starts) StartTransient(_ context.Context, t systemd.Transient) error {
	s.asked = t
	return nil
}

// TestAStartedUnitHasTheStopTimeoutOfItsProcess is also about 0, which to
// systemd is for ever.
func TestAStartedUnitHasTheStopTimeoutOfItsProcess(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		0: leastStop, 20 * time.Second: 20 * time.Second, time.Hour: 90 * time.Second,
	} {
		units := &starts{}
		r := newRestarter(t, units)
		p := configured("web", func(p *config.Process) { p.StopTimeout = timeout })
		// What becomes of it is of no matter here.
		_ = r.startUnit(t.Context(), orderFor(p, recovery.Target{Strategy: config.StrategyProcess, Command: "web"}))
		if got := units.asked.StopTimeout; got != want {
			t.Errorf("stop_timeout %s: the unit has %s, want %s", timeout, got, want)
		}
	}
}
