package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/proctable"
	"monitor_service/internal/systemd"
)

var errBus = fmt.Errorf("%w: no bus", systemd.ErrUnavailable)

func active(name string) systemd.Unit {
	return systemd.Unit{
		Name: name, ID: name, LoadState: systemd.LoadLoaded, ActiveState: systemd.StateActive, SubState: "running",
		Type: "simple", NRestarts: 3, CPU: 1500 * time.Millisecond, Memory: 4096, ActiveSince: at,
	}
}

// answer makes the units that systemd knows.
func (s *stage) answer(units ...systemd.Unit) {
	s.unit = func(_ context.Context, name string) (systemd.Unit, error) {
		for _, u := range units {
			if u.Name == name {
				return u, nil
			}
		}
		return systemd.Unit{Name: name, LoadState: systemd.LoadNotFound}, nil
	}
}

func TestWhatAUnitUsesIsWhatSystemdSays(t *testing.T) {
	s := newStage(t)
	dead, alias := active("dead.service"), active("alias.service")
	dead.ActiveState, dead.SubState, dead.NRestarts = systemd.StateFailed, "failed", 7
	alias.ID = "real.service"
	s.answer(active("nginx.service"), dead, alias)
	s.now.Processes = []Process{
		{Name: "nginx", Look: true, Unit: "nginx.service"},
		{Name: "dead", Look: true, Unit: "dead.service"},
		{Name: "alias", Look: true, Unit: "alias.service"},
	}
	got := s.scrape()
	want(t, got, map[string]float64{
		"bus_up": 1, "processes_unread": 0,
		`process_running{process="nginx"}`: 1, `process_cpu_seconds_total{process="nginx"}`: 1.5,
		`process_memory_bytes{process="nginx"}`: 4096, `process_start_time_seconds{process="nginx"}`: float64(at.Unix()),
		`process_restarts_total{process="nginx"}`: 3,
		`process_running{process="alias"}`:        1,
		// Nothing of what it used when it ran.
		`process_running{process="dead"}`: 0, `process_restarts_total{process="dead"}`: 7,
		`process_cpu_seconds_total{process="dead"}`: absent, `process_memory_bytes{process="dead"}`: absent,
		`process_start_time_seconds{process="dead"}`: absent,
	})
	if s.walked != 0 {
		t.Error("the process table was read for nothing")
	}
	if len(s.asked) != 4 {
		t.Errorf("systemd was asked for %v", s.asked)
	}
}

func TestTheProcessTableTellsWhatSystemdCannot(t *testing.T) {
	s := newStage(t)
	bare, exited, done := active("bare.service"), active("exited.service"), active("done.service")
	bare.CPU, bare.Memory, bare.ID = 0, 0, "real.service" // accounting is off
	exited.SubState, done.SubState = "exited", "exited"
	s.answer(bare, exited, done)
	s.usage = func(_, _ []string, _ func() error) (byName, byUnit map[string]proctable.Usage, err error) {
		use := proctable.Usage{Processes: 2, CPU: 250 * time.Millisecond, Memory: 8192, Since: at.Add(time.Hour)}
		return map[string]proctable.Usage{"worker": use}, map[string]proctable.Usage{"real.service": use, "exited.service": use}, nil
	}
	s.now.Processes = []Process{
		{Name: "bare", Look: true, Unit: "bare.service"},
		{Name: "exited", Look: true, Unit: "exited.service"},
		{Name: "done", Look: true, Unit: "done.service"},
		{Name: "worker", Look: true, Unit: "missing.service"},
		{Name: "gone", Look: true},
	}
	got := s.scrape()
	want(t, got, map[string]float64{
		`process_cpu_seconds_total{process="bare"}`: 0.25, `process_memory_bytes{process="bare"}`: 8192,
		`process_start_time_seconds{process="bare"}`: float64(at.Unix()), `process_restarts_total{process="bare"}`: 3,
		`process_running{process="exited"}`: 1, `process_running{process="done"}`: 0,
		`process_running{process="worker"}`: 1, `process_cpu_seconds_total{process="worker"}`: 0.25,
		`process_memory_bytes{process="worker"}`:       8192,
		`process_start_time_seconds{process="worker"}`: float64(at.Add(time.Hour).Unix()),
		`process_restarts_total{process="worker"}`:     absent,
		`process_running{process="gone"}`:              0, `process_memory_bytes{process="gone"}`: absent,
	})
	if s.walked != 1 {
		t.Errorf("the process table was read %d times for one scrape", s.walked)
	}
}

func TestAFailingBusGivesNoSeriesRatherThanZeroes(t *testing.T) {
	for name, err := range map[string]error{"unreachable": errBus, "closed": systemd.ErrClosed} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.unit = func(context.Context, string) (systemd.Unit, error) { return systemd.Unit{}, err }
			s.now.Processes = []Process{{Name: "nginx", Look: true, Unit: "nginx.service"}, {Name: "bare", Look: true}}
			got := s.scrape()
			want(t, got, map[string]float64{
				"bus_up": 0, "processes_unread": 1,
				`process_running{process="nginx"}`: absent, `process_restarts_total{process="nginx"}`: absent,
				`process_cpu_seconds_total{process="nginx"}`: absent, `process_memory_bytes{process="nginx"}`: absent,
				// The process table has nothing to do with it.
				`process_running{process="bare"}`: 0, `breaker_state{process="nginx"}`: 0,
			})
			if len(s.asked) != 1 {
				t.Errorf("a bus that does not answer was asked again: %v", s.asked)
			}
		})
	}
}

func TestOneUnitThatCannotBeAskedAboutHidesNoOther(t *testing.T) {
	s := newStage(t)
	s.unit = func(_ context.Context, name string) (systemd.Unit, error) {
		if name == "bad.service" {
			return systemd.Unit{}, errors.New("permission denied")
		}
		return active(name), nil
	}
	s.now.Processes = []Process{{Name: "bad", Look: true, Unit: "bad.service"}, {Name: "good", Look: true, Unit: "good.service"}}
	want(t, s.scrape(), map[string]float64{
		"bus_up": 1, "processes_unread": 1, `process_running{process="bad"}`: absent, `process_running{process="good"}`: 1,
	})
}

func TestAHostWithoutSystemdHasNoBusAndItsProcesses(t *testing.T) {
	s := newStage(t)
	s.host.units = nil
	s.now.Processes = []Process{{Name: "worker", Look: true, Unit: "worker.service"}}
	s.usage = func(_, _ []string, _ func() error) (map[string]proctable.Usage, map[string]proctable.Usage, error) {
		return map[string]proctable.Usage{"worker": {Processes: 1}}, nil, nil
	}
	want(t, s.scrape(), map[string]float64{"bus_up": absent, `process_running{process="worker"}`: 1})
}

func TestAProcessTableThatCannotBeReadGivesNoSeries(t *testing.T) {
	s := newStage(t)
	exited := active("exited.service")
	exited.SubState = "exited"
	s.answer(exited, active("nginx.service"))
	s.usage = func(_, _ []string, _ func() error) (map[string]proctable.Usage, map[string]proctable.Usage, error) {
		return nil, nil, errors.New("too many open files")
	}
	s.now.Processes = []Process{
		{Name: "bare", Look: true},
		{Name: "exited", Look: true, Unit: "exited.service"},
		{Name: "nginx", Look: true, Unit: "nginx.service"},
	}
	want(t, s.scrape(), map[string]float64{
		`process_running{process="bare"}`: absent, `process_running{process="exited"}`: absent,
		`process_running{process="nginx"}`: 1, "processes_unread": 2,
	})
}

// TestTheHostIsAskedABoundedNumberOfThingsForABoundedTime has systemd answer
// nothing but that it is there.
func TestTheHostIsAskedABoundedNumberOfThingsForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		units := unitsFunc(func(ctx context.Context, name string) (systemd.Unit, error) {
			if name == aliveUnit {
				return systemd.Unit{}, nil
			}
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			now--
			mu.Unlock()
			return systemd.Unit{}, ctx.Err()
		})
		began := time.Now()
		first := began
		var walkedAfter atomic.Int64
		h := newHost(units, tableFunc(func(stop func() error) error {
			walkedAfter.Store(int64(time.Since(first)))
			time.Sleep(time.Minute)
			return stop()
		}))
		var processes []Process
		for i := range maxProcesses {
			name := fmt.Sprint(i)
			processes = append(processes, Process{Name: name, Look: true, Unit: name + ".service"})
		}
		processes = append(processes, Process{Name: "bare", Look: true})
		ctx, cancel := context.WithTimeout(t.Context(), scrapeLimit)
		defer cancel()
		r := h.read(ctx, processes)
		if took := time.Since(began); took != scrapeLimit {
			t.Errorf("it took %s, want %s", took, scrapeLimit)
		}
		if after := time.Duration(walkedAfter.Load()); after != unitsLimit {
			t.Errorf("the process table has its turn after %s, want %s", after, unitsLimit)
		}
		if most != maxLooks {
			t.Errorf("%d units at once, want %d", most, maxLooks)
		}
		if len(r.usage) != 0 || r.unread != maxProcesses+1 {
			t.Errorf("%d are known and %d are not", len(r.usage), r.unread)
		}

		// The table still hangs: it is not read a second time at once.
		began = time.Now()
		if r = h.read(t.Context(), processes[maxProcesses:]); r.unread != 1 || time.Since(began) != 0 {
			t.Errorf("after %s: %+v", time.Since(began), r)
		}
		time.Sleep(time.Minute)
		if r = h.read(t.Context(), processes[maxProcesses:]); r.unread != 0 {
			t.Errorf("it is not read again when it can be: %+v", r)
		}
		h.close(t.Context())
	})
}

func TestCloseEndsALookThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(unitsFunc(func(ctx context.Context, _ string) (systemd.Unit, error) {
			<-ctx.Done()
			return systemd.Unit{}, ctx.Err()
		}), nil)
		done := make(chan readings)
		go func() { done <- h.read(context.Background(), []Process{{Name: "a", Look: true, Unit: "a.service"}}) }()
		synctest.Wait()
		began := time.Now()
		h.close(t.Context())
		<-done
		if took := time.Since(began); took != 0 {
			t.Errorf("it went on for %s", took)
		}
	})
}

type unitsFunc func(ctx context.Context, name string) (systemd.Unit, error)

func (f unitsFunc) Unit(ctx context.Context, name string) (systemd.Unit, error) { return f(ctx, name) }

type tableFunc func(stop func() error) error

func (f tableFunc) Usage(_, _ []string, stop func() error) (byName, byUnit map[string]proctable.Usage, err error) {
	return nil, nil, f(stop)
}
