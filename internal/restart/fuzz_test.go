package restart

import (
	"context"
	"errors"
	"strings"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/hostile"
)

// eager is a systemd that has every unit it is asked for, so that whatever is
// asked would be restarted.
type eager struct{ recorder }

func (e *eager) Unit(_ context.Context, name string) (systemd.Unit, error) {
	e.asked = append(e.asked, name)
	return systemd.Unit{Name: name, ID: name, LoadState: systemd.LoadLoaded, ActiveState: systemd.StateActive}, nil
}

func (e *eager) State(ctx context.Context, name string) (systemd.Unit, error) {
	return e.Unit(ctx, name)
}

// FuzzNameFromTheDatabase holds what becomes of a name without a section: one
// that is not safe is refused before systemd or a command get to see it; a safe
// one is asked for as the service of exactly this name, or as the unit that it is
// started in, and nothing is done yet.
func FuzzNameFromTheDatabase(f *testing.F) {
	for _, name := range []string{"nginx", "web.service", "w@1", "a.b", "C++", "@x", "a@b@c", "x.Service", "own", strings.Repeat("a", 200)} {
		f.Add(name)
	}
	for _, text := range hostile.Texts() {
		f.Add(text.Text)
	}
	table := newTable(f)
	f.Fuzz(func(t *testing.T, name string) {
		for _, strategy := range []config.Strategy{config.StrategyAuto, config.StrategyService, config.StrategyCustom} {
			units := &eager{}
			r := New(Options{Units: units, Table: table, OwnUnit: "own.service", ProtectedUnits: protectedUnits})
			p := process(name)
			p.Strategy, p.RestartCommand = strategy, "restart %s"
			target, err := r.Resolve(t.Context(), p)
			r.Close()
			checkResolved(t, p, target, err, units)
		}
		if unit := processUnit(name); !systemd.IsService(unit) || !strings.HasPrefix(unit, processPrefix) {
			t.Errorf("%q is started as %q", name, unit)
		}
	})
}

func checkResolved(t *testing.T, p config.Process, target recovery.Target, err error, units *eager) {
	t.Helper()
	if len(units.done) > 0 {
		t.Fatalf("%q: resolving did %q", p.Name, units.done)
	}
	service := systemd.ServiceName(p.Name)
	for _, asked := range units.asked {
		if asked != service && asked != processUnit(p.Name) || !config.SafeName(p.Name) || !strings.HasSuffix(asked, serviceSuffix) {
			t.Fatalf("%q: systemd was asked for %q", p.Name, asked)
		}
	}
	var refusal *recovery.Refusal
	switch {
	case err == nil && !config.SafeName(p.Name):
		t.Fatalf("%q: accepted as %+v", p.Name, target)
	case err == nil && target.Unit != "" && target.Unit != service,
		err == nil && target.Command != "" && target.Command != "restart "+p.Name,
		err == nil && (service == config.DaemonUnit || service == "own.service"):
		t.Fatalf("%q became %+v", p.Name, target)
	case err != nil && (!errors.As(err, &refusal) || target != (recovery.Target{})):
		t.Fatalf("%q: %+v with %v, which is no refusal", p.Name, target, err)
	case err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }):
		t.Fatalf("%q: the refusal says %q", p.Name, err)
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	for _, text := range hostile.Texts() {
		units := aHost()
		_, err := newRestarter(t, units).Resolve(t.Context(), process(text.Text))
		var refusal *recovery.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%q: got %v, want a refusal", text.Text, err)
			continue
		}
		// The engine, which looks first, calls an unsafe name of any unit unsafe.
		if got := refusal.Reason.String(); got != text.Reason && text.Reason != "unsafe_name" {
			t.Errorf("%q: refused for %s, want %s", text.Text, got, text.Reason)
		}
		if _, done := units.calls(); len(done) > 0 {
			t.Errorf("%q: resolving did %q", text.Text, done)
		}
	}
}
