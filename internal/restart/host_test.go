//go:build e2e

package restart

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/host"
)

// TestOnAHostUnderSystemd runs the tests below, which are named TestReal, on a
// whole host.
func TestOnAHostUnderSystemd(t *testing.T) { host.RunInside(t, "^TestReal") }

func onRealSystemd(t *testing.T) (*Restarter, *systemd.Client) {
	t.Helper()
	host.RequireInside(t)
	client := systemd.NewClient()
	t.Cleanup(client.Close)
	r := New(Options{Units: client, Table: newTable(t), OwnUnit: "own.service", ProtectedUnits: protectedUnits})
	t.Cleanup(r.Close)
	return r, client
}

// script writes a program that lives on the host's own disk.
func script(t *testing.T, name, body string) string {
	t.Helper()
	file := filepath.Join("/usr/local/bin", name)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// unitFile installs a unit and makes systemd read it.
func unitFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile("/etc/systemd/system/"+name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	shellOK(t, "systemctl daemon-reload")
}

func shellOK(t *testing.T, line string) string {
	t.Helper()
	out, err := runShell(t, line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return out
}

func restartNow(t *testing.T, r *Restarter, p config.Process) error {
	t.Helper()
	target, err := r.Resolve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r.Restart(t.Context(), orderFor(p, target))
}

func TestRealProcessGetsAUnitAndAJournalOfItsOwn(t *testing.T) {
	r, client := onRealSystemd(t)
	const name = "a-process-with-a-long-name"
	script(t, name, "echo from $0 with $MONITOR_PROCESS_NAME; while :; do sleep 1; done")
	for range 2 {
		if err := restartNow(t, r, process(name)); err != nil {
			t.Fatal(err)
		}
	}
	p := await(t, name)
	parts, err := newTable(t).Groups(p)
	if err != nil || parts[len(parts)-1] != processUnit(name) {
		t.Errorf("it is in %v, %v", parts, err)
	}
	shellOK(t, "journalctl --sync")
	if out := shellOK(t, "journalctl -t "+name+" -o cat"); !strings.Contains(out, "from /usr/local/bin/"+name+" with "+name) {
		t.Errorf("the journal has %q", out)
	}
	if u, err := client.Unit(t.Context(), processUnit(name)); err != nil || u.ActiveState != systemd.StateActive {
		t.Errorf("its unit is %+v, %v", u, err)
	}
}

func TestRealCommandGoesToTheShellAsItStands(t *testing.T) {
	r, _ := onRealSystemd(t)
	const name = "literal"
	p := configured(name, func(p *config.Process) {
		p.StartCommand = `x='$$ ${HOME} %n %% a  b \q'; echo "$x" "${x#?}" >/run/literal.tmp; ` +
			`mv /run/literal.tmp /run/literal; : %s`
	})
	if err := restartNow(t, r, p); err != nil {
		t.Fatal(err)
	}
	want := `$$ ${HOME} %n %% a  b \q $ ${HOME} %n %% a  b \q` + "\n"
	for {
		if text, err := os.ReadFile("/run/literal"); err == nil {
			if string(text) != want {
				t.Errorf("got %q, want %q", text, want)
			}
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestRealProcessThatEndsAtOnceSaysWhy(t *testing.T) {
	r, _ := onRealSystemd(t)
	for _, c := range []struct{ line, want string }{
		{"echo the port is taken; exit 7", "the port is taken"},
		{"echo x; exit 7", "exit status 7"},
		{"/nonexistent/program", "exit status 127, command not found"},
	} {
		p := configured("failing", func(p *config.Process) { p.StartCommand = c.line })
		err := restartNow(t, r, p)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.line, err)
		}
	}
}

func TestRealProcessThatDetachesItselfLives(t *testing.T) {
	r, _ := onRealSystemd(t)
	const name = "a-daemon-of-the-old-kind"
	file := script(t, name, "while :; do sleep 1; done")
	p := configured(name, func(p *config.Process) {
		p.StartCommand, p.RunAs = "setsid "+file+" </dev/null >/dev/null 2>&1 & exit 0", "nobody"
	})
	before := 0
	for range 2 {
		if err := restartNow(t, r, p); err != nil {
			t.Fatal(err)
		}
		now := await(t, name)
		if now.PID == before {
			t.Error("it was not replaced")
		}
		before = now.PID
	}
	info, err := os.Stat("/proc/" + await(t, name).String())
	if err != nil {
		t.Fatal(err)
	}
	if u, _ := user.Lookup("nobody"); u == nil || info.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Error("it does not run as nobody")
	}
}

func TestRealRestartCommandLeavesWhatItStarts(t *testing.T) {
	r, client := onRealSystemd(t)
	const name = "a-program-with-its-own-way"
	shellOK(t, "cp /bin/sleep /usr/local/bin/sleep-of-"+name)
	file := script(t, name, "while :; do sleep-of-"+name+" 1; done")
	p := configured(name, func(p *config.Process) {
		p.Strategy = config.StrategyCustom
		p.RestartCommand = "kill $(cat /run/own-way.pid) 2>/dev/null; " + file + " & echo $! >/run/own-way.pid"
	})
	seen := map[int]bool{}
	const times = 8
	for range times {
		if err := restartNow(t, r, p); err != nil {
			t.Fatal(err)
		}
		seen[await(t, name).PID] = true
	}
	if len(seen) != times {
		t.Errorf("%d different processes after %d restarts", len(seen), times)
	}
	units := func() (left int) {
		for i := range times {
			u, err := client.Unit(t.Context(), customUnit(name, i))
			if err != nil {
				t.Fatal(err)
			}
			if u.LoadState == systemd.LoadLoaded {
				left++
			}
		}
		return left
	}
	// A restart collects the units in which nothing is left; the children of
	// those that were killed end soon.
	for begun := time.Now(); units() > 2; {
		if time.Since(begun) > hang {
			t.Fatalf("%d units are left", units())
		}
		for len(running(t, "sleep-of-"+name)) > 1 && time.Since(begun) <= hang {
			time.Sleep(time.Millisecond)
		}
		if err := restartNow(t, r, p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRealRestartCommandThatStartsNothingLeavesNothing(t *testing.T) {
	r, client := onRealSystemd(t)
	p := configured("nothing", func(p *config.Process) {
		p.Strategy, p.RestartCommand = config.StrategyCustom, "echo done"
	})
	if err := restartNow(t, r, p); err != nil {
		t.Fatal(err)
	}
	for {
		u, err := client.Unit(t.Context(), customUnit("nothing", 0))
		if err != nil {
			t.Fatal(err)
		}
		if u.LoadState == systemd.LoadNotFound {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRealRestartCommandThatFailsSaysWhy(t *testing.T) {
	r, _ := onRealSystemd(t)
	p := configured("failing", func(p *config.Process) {
		p.Strategy, p.RestartCommand = config.StrategyCustom, "echo the disk is full; exit 9"
	})
	err := restartNow(t, r, p)
	if err == nil || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), "exit status 9; its last output: the disk is full") {
		t.Errorf("got %v", err)
	}
}

func TestRealRestartCommandBeyondItsTimeIsEndedWithItsChildren(t *testing.T) {
	r, _ := onRealSystemd(t)
	const name = "a-child-that-hangs"
	file := script(t, name, "trap '' TERM; while :; do sleep 1; done")
	p := configured("late", func(p *config.Process) {
		p.Strategy, p.RestartCommand = config.StrategyCustom, "setsid "+file+" & sleep 1000"
		p.RestartTimeout, p.StopTimeout = time.Second, time.Second
	})
	err := restartNow(t, r, p)
	if err == nil || !strings.Contains(err.Error(), "time limit of 1s") || strings.Contains(err.Error(), "could not be ended") {
		t.Errorf("got %v", err)
	}
	if left := running(t, name); len(left) > 0 {
		t.Errorf("%v still runs", left)
	}
}

func TestRealServices(t *testing.T) {
	r, client := onRealSystemd(t)
	const sleeper = "[Service]\nExecStart=/bin/sleep infinity\n"
	unitFile(t, "plain.service", sleeper)
	unitFile(t, "limited.service", "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n"+sleeper)
	unitFile(t, "once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
	unitFile(t, "crashing.service", "[Service]\nType=exec\nExecStart=/bin/sh -c 'echo oh no; exit 3'\n")
	unitFile(t, "failing.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo oh no; exit 3'\n")
	for _, c := range []struct {
		unit  string
		times int
		want  string
	}{
		{"plain", 8, ""}, // systemd's own limit is 5 in 10 s
		{"limited", 8, ""},
		{"once", 8, ""},
		{"failing", 1, "oh no"},
	} {
		for range c.times {
			err := restartNow(t, r, process(c.unit))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.unit, err, c.want)
				break
			}
		}
	}
	shellOK(t, "systemctl stop plain")
	if err := restartNow(t, r, process("plain")); err != nil {
		t.Errorf("a dead unit: %v", err)
	}
	// systemd may be quicker or slower to see the crash than the job's end.
	if err := restartNow(t, r, process("crashing")); err == nil {
		u, err := client.Unit(t.Context(), "crashing.service")
		if err != nil || u.ActiveState == systemd.StateInactive {
			t.Errorf("a crashing unit is %+v, %v", u, err)
		}
	}
}

func TestRealRefusals(t *testing.T) {
	r, _ := onRealSystemd(t)
	unitFile(t, "mistaken.service", "[Service]\nExecStart=not-absolute/path\nType=nonsense\n")
	unitFile(t, "tmpl@.service", "[Service]\nExecStart=/bin/sleep infinity\n")
	unitFile(t, "own.service", "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nAlias=alias-of-own.service\n")
	shellOK(t, "systemctl mask masked-one.service; systemctl enable own.service")
	for name, want := range map[string]recovery.Reason{
		"mistaken":                       recovery.ReasonBadUnit,
		"masked-one":                     recovery.ReasonMasked,
		"tmpl@":                          recovery.ReasonBadUnit,
		"alias-of-own":                   recovery.ReasonOwnUnit,
		"dbus-org.freedesktop.login1":    recovery.ReasonProtected,
		"dbus-daemon":                    recovery.ReasonProtected,
		"reboot.target":                  recovery.ReasonNotAService,
		"-.mount":                        recovery.ReasonNotAService,
		"systemd-journald":               recovery.ReasonProtected,
		"definitely; touch /run/harm.it": recovery.ReasonUnsafeName,
	} {
		_, err := r.Resolve(t.Context(), process(name))
		t.Run(name, func(t *testing.T) { wantRefusal(t, err, want) })
	}
	target, err := r.Resolve(t.Context(), process("tmpl@one"))
	if err != nil || target.Unit != "tmpl@one.service" {
		t.Errorf("an instance: got %+v, %v", target, err)
	}
}

func runShell(t *testing.T, line string) (string, error) {
	t.Helper()
	return command.Run(t.Context(), command.Spec{Key: "test", Line: line, Timeout: time.Minute})
}

// TestRealStopTimeoutIsKept replaces a process whose unit was started when
// stop_timeout was longer, and one that has no time at all to end.
func TestRealStopTimeoutIsKept(t *testing.T) {
	r, _ := onRealSystemd(t)
	const name = "heedless" // none that systemd escapes
	script(t, name, "trap '' TERM; while :; do sleep 1; done")
	before := 0
	for _, timeout := range []time.Duration{time.Hour, 0, 0} {
		p := configured(name, func(p *config.Process) { p.StopTimeout, p.RestartTimeout = timeout, time.Hour })
		if err := restartNow(t, r, p); err != nil {
			t.Fatalf("stop_timeout = %s: %v", timeout, err)
		}
		now := await(t, name)
		if now.PID == before {
			t.Errorf("stop_timeout = %s: it was not replaced", timeout)
		}
		before = now.PID
	}
	if out := shellOK(t, "systemctl show -p TimeoutStopUSec "+processUnit(name)); !strings.Contains(out, "100ms") {
		t.Errorf("a unit without time to end has %s", out)
	}
}

func TestRealUnitWhoseConditionIsNotMetIsNotRestarted(t *testing.T) {
	r, _ := onRealSystemd(t)
	const condition = "[Unit]\nConditionPathExists=/run/never\n[Install]\nWantedBy=multi-user.target\n[Service]\n"
	unitFile(t, "once-unmet.service", condition+"Type=oneshot\nExecStart=/bin/true\n")
	unitFile(t, "wanted-unmet.service", condition+"Type=oneshot\nExecStart=/bin/true\n")
	unitFile(t, "sleeper-unmet.service", condition+"ExecStart=/bin/sleep infinity\n")
	unitFile(t, "stays-unmet.service", condition+"Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
	shellOK(t, "systemctl enable wanted-unmet; systemctl daemon-reload")
	names := []string{"once-unmet", "wanted-unmet", "sleeper-unmet", "stays-unmet"}
	for _, name := range names {
		for range 2 {
			err := restartNow(t, r, process(name))
			if err == nil || !strings.Contains(err.Error(), "unit \""+name+".service\": a condition") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	shellOK(t, "touch /run/never")
	for _, name := range names {
		if err := restartNow(t, r, process(name)); err != nil {
			t.Errorf("%s, its condition met: %v", name, err)
		}
	}
	shellOK(t, "rm /run/never")
	if err := restartNow(t, r, process("stays-unmet")); err == nil || !strings.Contains(err.Error(), "condition") {
		t.Errorf("one that was active: got %v", err)
	}
}
