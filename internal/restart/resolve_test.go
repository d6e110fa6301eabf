package restart

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

func wantRefusal(t *testing.T, err error, want recovery.Reason) {
	t.Helper()
	var refusal *recovery.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != want {
		t.Fatalf("got %v, want a refusal for %s", err, want)
	}
	if refusal.Detail == "" || strings.ContainsFunc(refusal.Detail, func(r rune) bool { return r < ' ' }) {
		t.Errorf("the refusal's detail is %q", refusal.Detail)
	}
}

func aHost() *recorder {
	units := &recorder{}
	units.knows("web.service", systemd.LoadLoaded)
	units.knows("broken.service", systemd.LoadBadSetting)
	units.knows("unreadable.service", systemd.LoadError)
	units.knows("masked.service", systemd.LoadMasked)
	units.knows("w@1.service", systemd.LoadLoaded)
	units.knows("systemd-logind.service", systemd.LoadLoaded, "dbus-org.freedesktop.login1.service")
	units.knows("own.service", systemd.LoadLoaded, "alias-of-own.service")
	units.knows("monitor_service.service", systemd.LoadLoaded, "the-monitor.service")
	units.knows("backup.timer", systemd.LoadLoaded)
	return units
}

func set(change func(*config.Process)) func(*config.Process) { return change }

func strategy(s config.Strategy) func(*config.Process) {
	return func(p *config.Process) { p.Strategy = s }
}

func TestResolve(t *testing.T) {
	service := func(unit string) recovery.Target {
		return recovery.Target{Strategy: config.StrategyService, Unit: unit}
	}
	asProcess := func(line string) recovery.Target {
		return recovery.Target{Strategy: config.StrategyProcess, Command: line}
	}
	for _, c := range []struct {
		title   string
		process config.Process
		want    recovery.Target
		reason  recovery.Reason
	}{
		{"auto, a unit", process("web"), service("web.service"), 0},
		{"auto, with the suffix", process("web.service"), service("web.service"), 0},
		{"auto, an instance", process("w@1"), service("w@1.service"), 0},
		{"auto, no unit", process("tool"), asProcess("tool"), 0},
		{"auto, a name that can be no unit", process("C++"), asProcess("C++"), 0},
		{"auto, a dotted name", process("a.b"), asProcess("a.b"), 0},
		{"auto, masked", process("masked"), recovery.Target{}, recovery.ReasonMasked},
		{"auto, a unit with a mistake", process("broken"), recovery.Target{}, recovery.ReasonBadUnit},
		{"auto, a unit that cannot be read", process("unreadable"), recovery.Target{}, recovery.ReasonBadUnit},
		{"auto, a template", process("w@"), recovery.Target{}, recovery.ReasonBadUnit},
		{
			"auto, unit set", configured("x", set(func(p *config.Process) { p.Unit = "web" })),
			service("web.service"), 0,
		},
		{
			"auto, start_command", configured("tool", set(func(p *config.Process) { p.StartCommand = "/opt/%s -d" })),
			asProcess("/opt/tool -d"), 0,
		},
		{"service, no unit", configured("tool", strategy(config.StrategyService)), recovery.Target{}, recovery.ReasonNoUnit},
		{"service, masked", configured("masked", strategy(config.StrategyService)), recovery.Target{}, recovery.ReasonMasked},
		{"process, beside a unit", configured("web", strategy(config.StrategyProcess)), asProcess("web"), 0},
		{
			"custom", configured("tool", set(func(p *config.Process) {
				p.Strategy, p.RestartCommand = config.StrategyCustom, "/opt/restart %s"
			})), recovery.Target{Strategy: config.StrategyCustom, Command: "/opt/restart tool"}, 0,
		},
		{
			"custom, a unit to check", configured("web", set(func(p *config.Process) {
				p.Strategy, p.RestartCommand = config.StrategyCustom, "/opt/restart %s"
			})), recovery.Target{Strategy: config.StrategyCustom, Command: "/opt/restart web", Unit: "web.service"}, 0,
		},

		{"protected", process("dbus"), recovery.Target{}, recovery.ReasonProtected},
		{"protected by a pattern", process("systemd-journald"), recovery.Target{}, recovery.ReasonProtected},
		{"protected by an alias", process("dbus-org.freedesktop.login1"), recovery.Target{}, recovery.ReasonProtected},
		{
			"protected, with a section", configured("systemd-logind", nil),
			service("systemd-logind.service"), 0,
		},
		{
			"protected, for a shared restart_command", set2(process("dbus"), func(p *config.Process) {
				p.Strategy, p.RestartCommand = config.StrategyCustom, "systemctl restart %s"
			}), recovery.Target{}, recovery.ReasonProtected,
		},

		{"own unit", configured("own", nil), recovery.Target{}, recovery.ReasonOwnUnit},
		{"own unit by an alias", configured("alias-of-own", nil), recovery.Target{}, recovery.ReasonOwnUnit},
		{"the daemon's usual unit", configured("monitor_service", nil), recovery.Target{}, recovery.ReasonOwnUnit},
		{"the daemon's usual unit by an alias", configured("the-monitor", nil), recovery.Target{}, recovery.ReasonOwnUnit},
		{
			"own unit, as a process", configured("monitor_service", strategy(config.StrategyProcess)),
			recovery.Target{},
			recovery.ReasonOwnUnit,
		},
		{
			"own unit, set as unit", configured("x", set(func(p *config.Process) { p.Unit = "own" })),
			recovery.Target{},
			recovery.ReasonOwnUnit,
		},

		{"a target", process("reboot.target"), recovery.Target{}, recovery.ReasonNotAService},
		{"a target with a section", configured("reboot.target", nil), recovery.Target{}, recovery.ReasonNotAService},
		{"the root mount", process("-.mount"), recovery.Target{}, recovery.ReasonNotAService},
		{"a socket", process("ssh.socket"), recovery.Target{}, recovery.ReasonNotAService},
		{
			"a target, for a shared restart_command", set2(process("reboot.target"), func(p *config.Process) {
				p.Strategy, p.RestartCommand = config.StrategyCustom, "systemctl restart %s"
			}), recovery.Target{}, recovery.ReasonNotAService,
		},
		{
			"a timer that its section names", configured("x", set(func(p *config.Process) { p.Unit = "backup.timer" })),
			service("backup.timer"), 0,
		},
		{"a command that ends the host", process("reboot"), recovery.Target{}, recovery.ReasonProtected},

		{
			"an unsafe name that its section spells out as a unit",
			configured("My Web!", set(func(p *config.Process) { p.Unit = "web" })), service("web.service"), 0,
		},
		{
			"an unsafe name that its section spells out as a command",
			configured("My App", set(func(p *config.Process) { p.StartCommand = "/opt/my-app" })), asProcess("/opt/my-app"), 0,
		},
		{
			"an unsafe name whose unit is not there and that has no command",
			configured("My App", set(func(p *config.Process) { p.Unit = "tool" })),
			recovery.Target{},
			recovery.ReasonUnsafeName,
		},
		{
			"an unsafe name in its health check",
			configured("My App", set(func(p *config.Process) { p.StartCommand, p.HealthCheckCommand = "/opt/my-app", "pgrep %s" })),
			recovery.Target{},
			recovery.ReasonUnsafeName,
		},
		{
			"an unsafe name in its pre_restart_command",
			configured("My App", set(func(p *config.Process) { p.StartCommand, p.PreRestartCommand = "/opt/my-app", "test %s" })),
			recovery.Target{},
			recovery.ReasonUnsafeName,
		},
		{
			"an unsafe name in its start_command",
			configured("My App", set(func(p *config.Process) { p.StartCommand = "start %s" })),
			recovery.Target{},
			recovery.ReasonUnsafeName,
		},
		{
			"an unsafe name in its restart_command",
			configured("My App", set(func(p *config.Process) {
				p.Strategy, p.RestartCommand = config.StrategyCustom, "restart %s"
			})),
			recovery.Target{},
			recovery.ReasonUnsafeName,
		},
		{
			"an unsafe name without a unit", configured("My App", strategy(config.StrategyService)),
			recovery.Target{},
			recovery.ReasonUnsafeName,
		},
		{
			"an unsafe name with what [process.default] has", set2(process("My App"), func(p *config.Process) {
				p.StartCommand = "/opt/start-any"
			}), recovery.Target{}, recovery.ReasonUnsafeName,
		},
	} {
		t.Run(c.title, func(t *testing.T) {
			units := aHost()
			got, err := newRestarter(t, units).Resolve(t.Context(), c.process)
			if _, done := units.calls(); len(done) > 0 {
				t.Errorf("resolving did %v", done)
			}
			if c.reason != recovery.ReasonNone {
				wantRefusal(t, err, c.reason)
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func set2(p config.Process, change func(*config.Process)) config.Process {
	change(&p)
	return p
}

func TestASystemdThatCannotBeReachedIsAFailureAndNoFallback(t *testing.T) {
	for _, s := range []config.Strategy{config.StrategyAuto, config.StrategyService} {
		units := &recorder{err: systemd.ErrUnavailable}
		target, err := newRestarter(t, units).Resolve(t.Context(), configured("tool", strategy(s)))
		var refusal *recovery.Refusal
		if !errors.Is(err, systemd.ErrUnavailable) || errors.As(err, &refusal) {
			t.Errorf("%s: got %+v, %v", s, target, err)
		}
	}
}

func TestAHostWithoutSystemdHasProcessesOnly(t *testing.T) {
	r := newRestarter(t, nil)
	target, err := r.Resolve(t.Context(), process("tool"))
	if err != nil || target.Strategy != config.StrategyProcess {
		t.Errorf("auto: got %+v, %v", target, err)
	}
	_, err = r.Resolve(t.Context(), configured("tool", strategy(config.StrategyService)))
	wantRefusal(t, err, recovery.ReasonNoUnit)
}

func TestProtectedUnitsChangeWithAReload(t *testing.T) {
	r := newRestarter(t, aHost())
	r.SetProtectedUnits([]string{"web.*"})
	_, err := r.Resolve(t.Context(), process("web"))
	wantRefusal(t, err, recovery.ReasonProtected)
	if _, err := r.Resolve(t.Context(), process("systemd-logind")); err != nil {
		t.Errorf("no longer protected: %v", err)
	}
}

func TestAProcessOfAProtectedUnitIsProtectedUnderAnyName(t *testing.T) {
	table := aTable(t, fakeProcess{pid: 77, name: "dbus-daemon", group: "/system.slice/dbus.service"})
	r := New(Options{Units: &recorder{}, Table: table, ProtectedUnits: protectedUnits})
	t.Cleanup(r.Close)
	_, err := r.Resolve(t.Context(), process("dbus-daemon"))
	wantRefusal(t, err, recovery.ReasonProtected)
	if _, err := r.Resolve(t.Context(), configured("dbus-daemon", nil)); err != nil {
		t.Errorf("with a section: %v", err)
	}
}

// hostileNames must reach neither a shell nor systemd.
func hostileNames(harm string) []string {
	names := []string{
		" ", "a b", "\t", "\n", "a\nb", "a\rb", "nginx\n", "\x00", "a\x00b", "\x1b[31mred", "\x7f", "\xff\xfe",
		"a;b", ";", "a|b", "a&b", "a&&b", "a>b", "a<b", "a(b", "a)b", "a{b}", "a[b]", "*", "?", "a*", "web*",
		"'", `"`, "`", `\`, "$", "$HOME", "$(id)", "`id`", "${IFS}", "'; true; '", `"; true; "`, "#", "!", "~", "^", "%", "%s", "%n",
		"a=b", "a,b", "a/b", "/", "/bin/sh", "../x", "../../etc/passwd", "..", ".", ".hidden", "./x",
		"-", "-rf", "--help", "-.slice", "--", "näme", "имя", "名前", "\u202egnp.exe", "\u0000", "\u2028",
		"reboot.target", "-.mount", "ssh.socket", "poweroff.target", "home.automount", "dev-sda.device", "x.swap",
		"x.path", "x.timer", "system.slice", "session-1.scope",
		"monitor_service", "monitor_service.service", "own", "own.service",
		"w@", "w@.service",
		strings.Repeat("é", 127), strings.Repeat("a", 201), strings.Repeat("a", 255), strings.Repeat("名", 85),
	}
	for _, template := range []string{"x; touch %", "$(touch %)", "`touch %`", "x\ntouch %\n", "x' ; touch % ; '", `x"; touch %; "`, "x | touch %", "x && touch %"} {
		names = append(names, strings.ReplaceAll(template, "%", harm))
	}
	return names
}

func TestHostileNamesReachNeitherAShellNorSystemd(t *testing.T) {
	harm := filepath.Join(t.TempDir(), "harm")
	names := hostileNames(harm)
	if len(names) < 60 {
		t.Fatalf("only %d names", len(names))
	}
	for i, name := range names {
		for _, s := range []config.Strategy{
			config.StrategyAuto, config.StrategyService, config.StrategyProcess, config.StrategyCustom,
		} {
			t.Run(strconv.Itoa(i)+" "+s.String(), func(t *testing.T) {
				p := process(name)
				p.Strategy = s
				// As a careless [process.default] has it.
				p.StartCommand, p.RestartCommand = "true %s", "true %s"
				p.PreRestartCommand, p.HealthCheckCommand = "true %s", "true %s"
				units := aHost()
				_, err := newRestarter(t, units).Resolve(t.Context(), p)
				if _, refused := errors.AsType[*recovery.Refusal](err); !refused {
					t.Errorf("%q: got %v, want a refusal", name, err)
				}
				// A template's name is safe text; it is refused as such.
				if asked, done := units.calls(); len(asked)+len(done) > 0 {
					t.Errorf("%q: systemd was asked for %q and told to %q", name, asked, done)
				}
				r := newRestarter(t, nil)
				_ = r.Prepare(t.Context(), orderFor(p, recovery.Target{}))
			})
		}
	}
	if _, err := os.Stat(harm); err == nil {
		t.Error("a name was run")
	}
}
