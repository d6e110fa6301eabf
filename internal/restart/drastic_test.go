package restart

import (
	"path"
	"strings"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/hostile"
)

// unprotected returns a Restarter for which no unit is protected.
func unprotected(t *testing.T, units Units) *Restarter {
	t.Helper()
	r := New(Options{Units: units, Table: newTable(t)})
	t.Cleanup(r.Close)
	return r
}

func TestAUnitThatActsOnTheWholeHostNeedsASectionOfItsOwn(t *testing.T) {
	for _, name := range []string{
		"debug-shell", "rescue", "emergency.service", "user@0", "getty@tty1", "selinux-autorelabel", "initrd-switch-root",
		"systemd-poweroff", "systemd-suspend-then-hibernate", "kexec-load", "reboot",
	} {
		for _, s := range []config.Strategy{
			config.StrategyAuto, config.StrategyService, config.StrategyProcess, config.StrategyCustom,
		} {
			p := process(name)
			p.Strategy, p.RestartCommand = s, "systemctl restart %s"
			units := &eager{}
			_, err := unprotected(t, units).Resolve(t.Context(), p)
			wantRefusal(t, err, recovery.ReasonProtected)
			if asked, _ := units.calls(); len(asked) > 0 {
				t.Errorf("systemd was asked for %q", asked)
			}
		}
		target, err := unprotected(t, &eager{}).Resolve(t.Context(), configured(name, nil))
		if want := systemd.ServiceName(name); err != nil || target.Unit != want {
			t.Errorf("with a section it is %+v (%v), want %s", target, err, want)
		}
	}
}

func TestAUnitThatActsOnTheWholeHostIsKnownByItsOtherNames(t *testing.T) {
	units := &recorder{}
	units.knows("rescue.service", systemd.LoadLoaded, "harmless.service")
	_, err := unprotected(t, units).Resolve(t.Context(), process("harmless"))
	wantRefusal(t, err, recovery.ReasonProtected)
}

// TestWhatServesLoginsCanBeRestarted has what an operator expects to be
// restarted when it is in alarm, although people log in through it.
func TestWhatServesLoginsCanBeRestarted(t *testing.T) {
	for _, name := range []string{
		"sshd", "polkit", "NetworkManager", "firewalld", "chronyd", "crond", "rsyslog", "kdump", "emergency-dispatch", "rescued", "get",
	} {
		target, err := unprotected(t, &eager{}).Resolve(t.Context(), process(name))
		if err != nil || target.Unit != name+".service" {
			t.Errorf("%s: %+v, %v", name, target, err)
		}
	}
}

func TestACommandThatActsOnTheWholeHostNeedsASectionOfItsOwn(t *testing.T) {
	for _, name := range hostile.Commands() {
		_, err := unprotected(t, aHost()).Resolve(t.Context(), process(name))
		wantRefusal(t, err, recovery.ReasonProtected)
		if _, err := unprotected(t, aHost()).Resolve(t.Context(), configured(name, nil)); err != nil {
			t.Errorf("%s with a section: %v", name, err)
		}
	}
}

func TestThePatternsOfUnitsAreWellFormed(t *testing.T) {
	for _, pattern := range drasticUnits {
		if _, err := path.Match(pattern, "x"); err != nil || !strings.HasSuffix(pattern, serviceSuffix) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
