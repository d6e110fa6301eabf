package restart

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// recorder is a systemd that has the units it was given and records what is
// asked of it.
type recorder struct {
	mu    sync.Mutex
	units map[string]systemd.Unit
	err   error
	asked []string
	done  []string
}

func (r *recorder) Unit(_ context.Context, name string) (systemd.Unit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, name)
	if r.err != nil {
		return systemd.Unit{}, r.err
	}
	for _, u := range r.units {
		if u.ID == name || slices.Contains(u.Names, name) {
			u.Name = name
			return u, nil
		}
	}
	return systemd.Unit{Name: name, LoadState: systemd.LoadNotFound, ActiveState: systemd.StateInactive}, nil
}

// State is what Unit says of any unit, and nothing of a service.
func (r *recorder) State(ctx context.Context, name string) (systemd.Unit, error) {
	u, err := r.Unit(ctx, name)
	return stateOf(u), err
}

// Running is what State says of how the unit runs.
func (r *recorder) Running(ctx context.Context, name string) (systemd.Unit, error) {
	u, err := r.Unit(ctx, name)
	return systemd.Unit{Name: u.Name, ActiveState: u.ActiveState, InvocationID: u.InvocationID}, err
}

func stateOf(u systemd.Unit) systemd.Unit {
	return systemd.Unit{
		Name: u.Name, ID: u.ID, Names: u.Names, LoadState: u.LoadState, ActiveState: u.ActiveState,
		SubState: u.SubState, InvocationID: u.InvocationID, HasJob: u.HasJob,
	}
}

func (r *recorder) do(what, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, what+" "+name)
	return r.err
}

func (r *recorder) ResetFailed(_ context.Context, name string) error { return r.do("reset", name) }
func (r *recorder) Restart(_ context.Context, name string) error     { return r.do("restart", name) }
func (r *recorder) Stop(_ context.Context, name string) error        { return r.do("stop", name) }
func (r *recorder) Kill(_ context.Context, name string) error        { return r.do("kill", name) }
func (r *recorder) Hold(context.Context, string) (release func())    { return func() {} }
func (r *recorder) StartTransient(_ context.Context, t systemd.Transient) error {
	return r.do("start", t.Name)
}

func (r *recorder) calls() (asked, done []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked), slices.Clone(r.done)
}

// knows gives the recorder a unit in this state, with these further names.
func (r *recorder) knows(id string, load systemd.LoadState, names ...string) {
	if r.units == nil {
		r.units = map[string]systemd.Unit{}
	}
	r.units[id] = systemd.Unit{
		ID: id, Names: append([]string{id}, names...), LoadState: load, ActiveState: systemd.StateActive,
	}
}

func newTable(t testing.TB) *proctable.Table {
	t.Helper()
	table, err := proctable.New()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var protectedUnits = []string{"dbus.service", "dbus-broker.service", "systemd-*.service"}

// newRestarter returns a Restarter over systemd, or without it for nil.
func newRestarter(t *testing.T, units Units) *Restarter {
	t.Helper()
	r := New(Options{
		Units: units, Table: newTable(t), OwnUnit: "own.service", ProtectedUnits: protectedUnits,
	})
	t.Cleanup(r.Close)
	return r
}

// process is one without a section, as [process.default] has it when nothing
// is set.
func process(name string) config.Process {
	return config.Process{
		Name: name, Strategy: config.StrategyAuto,
		StopTimeout: 10 * time.Second, RestartTimeout: 90 * time.Second, PreRestartTimeout: 30 * time.Second,
	}
}

func configured(name string, change func(*config.Process)) config.Process {
	p := process(name)
	p.Configured = true
	if change != nil {
		change(&p)
	}
	return p
}

func orderFor(p config.Process, target recovery.Target) recovery.Order {
	return recovery.Order{Process: p, Target: target, ID: 7, Attempt: 2}
}
