package restart

import (
	"strconv"
	"strings"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// TestAUnitWhoseFileIsAwayIsNoReasonForABareProcess takes the unit of a process
// away after it was found, in every way in which it can be.
func TestAUnitWhoseFileIsAwayIsNoReasonForABareProcess(t *testing.T) {
	const unit = daemonName + ".service"
	for title, c := range map[string]struct {
		// before is what was known and what ran when the unit was there.
		before  map[string]string
		unit    string
		process config.Process
		running []fakeProcess
	}{
		"found by its name":      {unit: unit, process: process(daemonName)},
		"named by its section":   {unit: "other.service", process: configured(daemonName, set(func(p *config.Process) { p.Unit = "other" }))},
		"found by a predecessor": {before: map[string]string{daemonName: unit}, process: process(daemonName)},
		"of another name, found by a predecessor": {
			before: map[string]string{daemonName: "wrapper.service"}, process: process(daemonName),
		},
		"still running in it": {
			process: process(daemonName), running: []fakeProcess{{pid: mainPID, name: daemonName, group: "/system.slice/" + unit}},
		},
	} {
		t.Run(title, func(t *testing.T) {
			units := &recorder{}
			r := New(Options{Units: units, Table: aTable(t, c.running...), Known: c.before})
			defer r.Close()
			want := recovery.Target{Strategy: config.StrategyService, Unit: c.unit}
			if c.unit != "" {
				units.knows(c.unit, systemd.LoadLoaded)
				if got, err := r.Resolve(t.Context(), c.process); err != nil || got != want {
					t.Fatalf("with its file it is %+v, %v", got, err)
				}
				delete(units.units, c.unit)
			}
			_, err := r.Resolve(t.Context(), c.process)
			wantRefusal(t, err, recovery.ReasonNoUnit)
			for _, text := range []string{".service", "daemon-reload", "restart_strategy = process", daemonName} {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q is not said in %q", text, err)
				}
			}
			if c.unit != "" {
				units.knows(c.unit, systemd.LoadLoaded)
				if got, err := r.Resolve(t.Context(), c.process); err != nil || got != want {
					t.Errorf("with its file back it is %+v, %v", got, err)
				}
				delete(units.units, c.unit)
			}
			p := c.process
			p.Configured, p.Strategy = true, config.StrategyProcess
			if got, err := r.Resolve(t.Context(), p); err != nil || got.Command != daemonName {
				t.Errorf("with strategy process it is %+v, %v", got, err)
			}
			p.Strategy, p.StartCommand, p.OwnStartCommand = config.StrategyAuto, "/opt/d", true
			if got, err := r.Resolve(t.Context(), p); err != nil || got.Command != "/opt/d" {
				t.Errorf("with a start_command it is %+v, %v", got, err)
			}
		})
	}
}

func TestADeadProcessOfAUnitOfAnotherNameIsStartedAsItsUnit(t *testing.T) {
	for _, c := range []struct {
		group string
		want  recovery.Target
	}{
		{"", recovery.Target{Strategy: config.StrategyService, Unit: "wrapper.service"}},
		// Somebody has started it by hand: the unit would be the second one.
		{"/user.slice/user-0.slice/session-1.scope", recovery.Target{Strategy: config.StrategyProcess, Command: daemonName}},
	} {
		var procs []fakeProcess
		if c.group != "" {
			procs = []fakeProcess{{pid: mainPID, name: daemonName, group: c.group}}
		}
		running := ownerRestarter(t, wrappers(), aTable(t, fakeProcess{pid: mainPID, name: daemonName, group: "/system.slice/wrapper.service"}))
		if got, err := running.Resolve(t.Context(), process(daemonName)); err != nil || got.Unit != "wrapper.service" {
			t.Fatalf("while it runs it is %+v, %v", got, err)
		}
		running.table = aTable(t, procs...)
		if got, err := running.Resolve(t.Context(), process(daemonName)); err != nil || got != c.want {
			t.Errorf("in %q it is %+v, %v, want %+v", c.group, got, err, c.want)
		}
	}
}

func TestNamesWithAUnitAreNotRememberedWithoutEnd(t *testing.T) {
	k := known{of: map[string]string{}}
	for i := range maxKnown + 10 {
		k.keep("w@"+strconv.Itoa(i), "w@.service")
	}
	if len(k.of) != maxKnown || k.unit("w@0") == "" {
		t.Errorf("%d are remembered", len(k.of))
	}
}
