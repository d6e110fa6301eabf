package restart

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// fakeProcess is a process as /proc shows it.
type fakeProcess struct {
	pid, parent int
	name        string
	// group is the path of its control group.
	group string
}

// aTable is a process table of these processes alone, of a host with cgroup
// v2.
func aTable(t *testing.T, procs ...fakeProcess) *proctable.Table {
	t.Helper()
	return tableWith(t, "0::%s\n", procs...)
}

// tableWith is one whose cgroup files look like this.
func tableWith(t *testing.T, groups string, procs ...fakeProcess) *proctable.Table {
	t.Helper()
	dir := t.TempDir()
	for _, p := range procs {
		sub := filepath.Join(dir, strconv.Itoa(p.pid))
		if err := os.MkdirAll(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{
			"comm": p.name + "\n", "cmdline": "/usr/bin/" + p.name + "\x00", "status": fmt.Sprintf("NSpid:\t%d\n", p.pid),
			"stat": fmt.Sprintf("%d (%s) S %d 1 1 0 -1 0", p.pid, p.name, max(p.parent, 1)) +
				strings.Repeat(" 0", 10) + " 1 0 4711" + strings.Repeat(" 0", 30),
			"cgroup": strings.ReplaceAll(groups, "%s", p.group),
		} {
			if err := os.WriteFile(filepath.Join(sub, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("/usr/bin/"+p.name, filepath.Join(sub, "exe")); err != nil {
			t.Fatal(err)
		}
	}
	table, err := proctable.NewAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

const mainPID, secondPID, thirdPID = 5_000_001, 5_000_002, 5_000_003

// wrappers are services whose main process has mainPID; they differ in what
// the rules look at.
func wrappers() *recorder {
	units := aHost()
	add := func(id string, change func(*systemd.Unit)) {
		units.knows(id, systemd.LoadLoaded)
		u := units.units[id]
		u.MainPID, u.Restart, u.KillMode = mainPID, "always", "control-group"
		if change != nil {
			change(&u)
		}
		units.units[id] = u
	}
	add("wrapper.service", nil)
	add("foo@1.service", nil)
	add("_odd.service", nil)
	add("dbus.service", nil)
	add("plain.service", func(u *systemd.Unit) { u.Restart = "no" })
	add("cron.service", func(u *systemd.Unit) { u.KillMode = "process" })
	add("rc-local.service", func(u *systemd.Unit) { u.MainPID, u.Restart = 0, "no" })
	add("left.service", func(u *systemd.Unit) { u.MainPID = 0 })
	add("hidden.service", func(u *systemd.Unit) { u.LoadState = systemd.LoadMasked })
	add("linked.service", func(u *systemd.Unit) { u.Names = append(u.Names, "systemd-linked.service") })
	add("monitor_service.service", nil)
	return units
}

func ownerRestarter(t *testing.T, units *recorder, table *proctable.Table) *Restarter {
	t.Helper()
	r := New(Options{Units: units, Table: table, OwnUnit: "own.service", ProtectedUnits: protectedUnits})
	t.Cleanup(r.Close)
	return r
}

const daemonName = "realdaemon"

func TestAProcessOfAUnitOfAnotherNameIsRestartedWithItsUnit(t *testing.T) {
	service := func(unit string) recovery.Target {
		return recovery.Target{Strategy: config.StrategyService, Unit: unit}
	}
	bare := recovery.Target{Strategy: config.StrategyProcess, Command: daemonName}
	const foreign = recovery.ReasonForeignUnit
	in := func(groups ...string) []fakeProcess {
		var procs []fakeProcess
		for i, group := range groups {
			procs = append(procs, fakeProcess{pid: mainPID + i, name: daemonName, group: group})
		}
		return procs
	}
	under := func(parent int, group string) []fakeProcess {
		return []fakeProcess{
			{pid: mainPID, name: "wrapper", group: group},
			{pid: secondPID, parent: mainPID, name: "sh", group: group},
			{pid: thirdPID, parent: parent, name: daemonName, group: group},
		}
	}
	for _, c := range []struct {
		title string
		procs []fakeProcess
		// auto is the target of strategy auto, or reason why there is none.
		auto   recovery.Target
		reason recovery.Reason
		// process says whether strategy process may have it.
		process recovery.Reason
	}{
		{"nothing runs", nil, bare, 0, 0},
		{"a service", in("/system.slice/wrapper.service"), service("wrapper.service"), 0, foreign},
		{"a service and its workers", in("/system.slice/wrapper.service", "/system.slice/wrapper.service"), service("wrapper.service"), 0, foreign},
		{"a part of a service", in("/system.slice/wrapper.service/workers"), service("wrapper.service"), 0, foreign},
		{"an instance", in("/system.slice/system-foo.slice/foo@1.service"), service("foo@1.service"), 0, foreign},
		{"a name that is escaped", in("/system.slice/__odd.service"), service("_odd.service"), 0, foreign},
		{"a service that is not started again", in("/system.slice/plain.service"), service("plain.service"), 0, 0},
		{"wrapped", under(secondPID, "/system.slice/wrapper.service"), service("wrapper.service"), 0, foreign},
		{"started from a service and left", under(1, "/system.slice/wrapper.service"), recovery.Target{}, foreign, foreign},
		{"started by cron", under(secondPID, "/system.slice/cron.service"), recovery.Target{}, foreign, foreign},
		{"started by rc.local", in("/system.slice/rc-local.service"), bare, 0, 0},
		{"left by a service that is started again", in("/system.slice/left.service"), recovery.Target{}, foreign, foreign},
		{"two services", in("/system.slice/wrapper.service", "/system.slice/plain.service"), recovery.Target{}, foreign, foreign},
		{"a service and a login", in("/system.slice/wrapper.service", "/user.slice/user-0.slice/session-3.scope"), recovery.Target{}, foreign, foreign},
		{"a service and its duplicate", in("/system.slice/wrapper.service", "/system.slice/monitored-realdaemon.service"), recovery.Target{}, foreign, foreign},
		{"a service that is gone", in("/system.slice/forgotten.service"), bare, 0, 0},
		{"a service that is masked", in("/system.slice/hidden.service"), recovery.Target{}, recovery.ReasonMasked, foreign},
		{"a protected service", in("/system.slice/dbus.service"), recovery.Target{}, recovery.ReasonProtected, recovery.ReasonProtected},
		{"a service that is protected by another name", in("/system.slice/linked.service"), recovery.Target{}, recovery.ReasonProtected, foreign},
		{"another monitor", in("/system.slice/monitor_service.service"), recovery.Target{}, recovery.ReasonOwnUnit, foreign},

		{"started by this daemon", in("/system.slice/monitored-realdaemon.service"), bare, 0, 0},
		{"started by a restart_command", in("/system.slice/monitored.restart-realdaemon-0.service"), bare, 0, 0},
		{"a child of this daemon", in("/system.slice/own.service"), bare, 0, 0},
		{"a login", in("/user.slice/user-1000.slice/session-3.scope"), bare, 0, 0},
		{"a scope of systemd-run", in("/system.slice/run-r1234.scope"), bare, 0, 0},
		{"no unit at all", in("/"), bare, 0, 0},
		{"a group of somebody else's", in("/docker/0123"), bare, 0, 0},
		{"a user's service", in("/user.slice/user-1000.slice/user@1000.service/app.slice/wrapper.service"), recovery.Target{}, foreign, foreign},
		{"a user's service, as systemd 239 has it", in("/user.slice/user-1000.slice/user@1000.service/wrapper.service"), recovery.Target{}, foreign, foreign},
		{"a user's systemd", in("/user.slice/user-1000.slice/user@1000.service/init.scope"), recovery.Target{}, foreign, foreign},
		{"a user's terminal", in("/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope"), bare, 0, 0},
		{"a container", in("/machine.slice/libpod-0123.scope/container"), recovery.Target{}, foreign, foreign},
		{"a container with a unit of the same name", in("/system.slice/docker-0123.scope/system.slice/wrapper.service"), recovery.Target{}, foreign, foreign},
	} {
		for version, groups := range map[string]string{
			"v2": "0::%s\n", "v1": "4:memory:/other.service\n1:name=systemd:%s\n0::/\n",
			"v1 without v2": "4:memory:/other.service\n1:name=systemd:%s\n",
		} {
			t.Run(c.title+", cgroup "+version, func(t *testing.T) {
				units := wrappers()
				r := ownerRestarter(t, units, tableWith(t, groups, c.procs...))
				got, err := r.Resolve(t.Context(), process(daemonName))
				if c.reason != 0 {
					wantRefusal(t, err, c.reason)
				} else if err != nil || got != c.auto {
					t.Errorf("auto: got %+v, %v, want %+v", got, err, c.auto)
				}
				got, err = r.Resolve(t.Context(), set2(process(daemonName), strategy(config.StrategyProcess)))
				if c.process != 0 {
					wantRefusal(t, err, c.process)
				} else if err != nil || got != bare {
					t.Errorf("process: got %+v, %v, want %+v", got, err, bare)
				}
				if _, done := units.calls(); len(done) > 0 {
					t.Errorf("resolving did %v", done)
				}
			})
		}
	}
}

func TestAContainerThatShowsTheOuterHostsGroupsHasUnitsOfItsOwn(t *testing.T) {
	const outer = "/machine.slice/libpod-0123.scope"
	r := ownerRestarter(t, wrappers(), aTable(t,
		fakeProcess{pid: 1, name: "systemd", group: outer + "/init.scope"},
		fakeProcess{pid: mainPID, name: daemonName, group: outer + "/system.slice/wrapper.service"}))
	target, err := r.Resolve(t.Context(), process(daemonName))
	if err != nil || target.Unit != "wrapper.service" {
		t.Errorf("got %+v, %v", target, err)
	}
}

func TestWhatASectionSaysOfAProcessOfAUnitCounts(t *testing.T) {
	table := aTable(t, fakeProcess{pid: mainPID, name: daemonName, group: "/system.slice/wrapper.service"})
	for _, s := range []config.Strategy{config.StrategyAuto, config.StrategyProcess} {
		p := configured(daemonName, func(p *config.Process) { p.Strategy, p.StartCommand = s, "/srv/start" })
		target, err := ownerRestarter(t, wrappers(), table).Resolve(t.Context(), p)
		if inherited := s == config.StrategyAuto && err == nil && target.Unit == "wrapper.service"; !inherited {
			if s == config.StrategyAuto {
				t.Errorf("auto, a start_command for all: got %+v, %v", target, err)
			} else {
				wantRefusal(t, err, recovery.ReasonForeignUnit)
			}
		}
		p.OwnStartCommand = true
		target, err = ownerRestarter(t, wrappers(), table).Resolve(t.Context(), p)
		if err != nil || target.Command != "/srv/start" {
			t.Errorf("%s, a start_command of its own: got %+v, %v", s, target, err)
		}
	}
	p := configured(daemonName, func(p *config.Process) { p.Unit = "plain" })
	target, err := ownerRestarter(t, wrappers(), table).Resolve(t.Context(), p)
	if err != nil || target.Unit != "plain.service" {
		t.Errorf("a unit of its own: got %+v, %v", target, err)
	}
	p.Unit = "not-there"
	_, err = ownerRestarter(t, wrappers(), table).Resolve(t.Context(), p)
	wantRefusal(t, err, recovery.ReasonForeignUnit)
}

func TestARefusalNamesTheUnitsAndTheWayOut(t *testing.T) {
	var procs []fakeProcess
	for i, unit := range []string{"a", "b", "c", "d", "e"} {
		procs = append(procs, fakeProcess{pid: mainPID + i, name: daemonName, group: "/system.slice/" + unit + ".service"})
	}
	_, err := ownerRestarter(t, wrappers(), aTable(t, procs...)).Resolve(t.Context(), process(daemonName))
	wantRefusal(t, err, recovery.ReasonForeignUnit)
	for _, want := range []string{
		`in the units "a.service", "b.service", "c.service" and 2 more`, "[process.realdaemon]", "unit =", "start_command =",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}

func TestASystemdThatCannotTellOfTheOwnerIsAFailure(t *testing.T) {
	units := wrappers()
	units.err = systemd.ErrUnavailable
	r := ownerRestarter(t, units, aTable(t, fakeProcess{pid: mainPID, name: daemonName, group: "/system.slice/wrapper.service"}))
	target, err := r.Resolve(t.Context(), set2(process(daemonName), strategy(config.StrategyProcess)))
	if err == nil || !strings.Contains(err.Error(), systemd.ErrUnavailable.Error()) {
		t.Errorf("got %+v, %v", target, err)
	}
}
