//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

// maxUnprivilegedExposure is what systemd-analyze security may give to the
// unprivileged profile, out of 10.
const maxUnprivilegedExposure = 1.5

// unprivilegedConfig names a unit, an alias of a unit, and a unit that systemd
// refuses to start once more unless it is reset.
const unprivilegedConfig = baseConfig + `unconfigured_processes = ignore
[http]
listen = ` + webAddress + `
[process.w@1]
[process.alias]
restart_strategy = service
[process.limited]
`

// unprivileged is a host with the package and the profile, set up as the
// profile's own text says, with the daemon running.
func unprivileged(t *testing.T) *bed {
	t.Helper()
	b := ownBed(t)
	b.Must(t, "dpkg", "--install", b.upload(t, firstRelease(t), ".deb"))
	b.workers(t, "1", "2")
	b.unit(t, "real.service", "[Service]\nExecStart=/bin/sleep infinity\n")
	b.Must(t, "ln", "-s", "real.service", scratchUnits+"/alias.service")
	b.unit(t, "limited.service", "[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Service]\nExecStart=/bin/sleep infinity\n")
	b.Must(t, "systemctl", "start", "real.service")
	b.edit(t, unprivilegedConfig)
	// With root's umask on a hardened host.
	b.Shell(t, "umask 077\n"+documentedSteps(b.Get(t, "/usr/share/monitor_service/unprivileged.conf")))
	return b
}

// documentedSteps are the commands in the head of the profile.
func documentedSteps(profile string) string {
	var script strings.Builder
	for line := range strings.Lines(profile) {
		if command, ok := strings.CutPrefix(line, "#     "); ok {
			script.WriteString(command)
		}
	}
	return script.String()
}

func TestTheUnprivilegedProfileRestartsWhatItNamesWithoutAnyCapability(t *testing.T) {
	b := unprivileged(t)
	pid := b.Property(t, daemonUnit, "MainPID")
	status := b.Get(t, "/proc/"+pid+"/status")
	uid := b.Must(t, "id", "-u", "monitor_service")
	if !regexp.MustCompile(`(?m)^Uid:\s+` + uid + `\s+` + uid + `\s`).MatchString(status) {
		t.Errorf("the daemon does not run as user %s:\n%s", uid, status)
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if !strings.Contains(status, set+":\t0000000000000000\n") {
			t.Errorf("the daemon has capabilities in %s:\n%s", set, status)
		}
	}
	b.awaitRecovery(t, 1, "w@1")
	b.wantPageAndMetrics(t)
	before := b.invocation(t, "real.service")
	b.raiseAlarm(t, 2, "alias")
	b.awaitCleared(t, 2)
	if b.invocation(t, "real.service") == before {
		t.Error("the unit behind the alias was not restarted")
	}
	// Not before: systemd forgets the count when it reads its units anew.
	b.Must(t, "systemctl", "restart", "limited.service")
	b.awaitRecovery(t, 3, "limited")
	// Who is at the socket is seen as who it is.
	b.Must(t, "useradd", "--no-create-home", "--groups", controlGroup, "member")
	if out, status := b.commandAs(t, "member", "pause", "w@1"); status != 0 {
		t.Errorf("a member of the group: %d, %s", status, out)
	}
	if p := b.status(t, "w@1"); p.Pause == nil || p.Pause.By != "member" {
		t.Errorf("the pause is %+v", p.Pause)
	}
	b.wantWritableConfigRefused(t)
	b.wantRulesKept(t)
	// What a daemon leaves to the next one is kept here as well.
	b.Must(t, "journalctl", "--sync")
	if out := b.Must(t, "journalctl", "--quiet", "--output=cat", "--unit="+daemonUnit); strings.Contains(out, "begun anew") {
		t.Errorf("recoveries are not kept:\n%s", out)
	}
	if log := "/var/log/monitor_service/monitor_service.log"; b.owner(t, log) != "640 monitor_service:monitor_service" {
		t.Errorf("%s is %s", log, b.owner(t, log))
	}

	out := b.Must(t, "systemd-analyze", "security", "--no-pager", daemonUnit)
	level := exposure(t, out)
	t.Logf("exposure level %.1f", level)
	if level > maxUnprivilegedExposure {
		t.Errorf("exposure level %.1f, want at most %.1f:\n%s", level, maxUnprivilegedExposure, out)
	}
	if out, err := b.Run(t, "sh", "-c", "systemd-analyze verify "+daemonUnit+" 2>&1"); err != nil || out != "" {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// wantWritableConfigRefused lets the daemon's group write config.ini, in which
// there are operators who may ask for a restart and not for any command.
func (b *bed) wantWritableConfigRefused(t *testing.T) {
	t.Helper()
	const says = `can write "` + configPath + `" and so change what runs as user`
	b.Must(t, "chmod", "660", configPath)
	for _, user := range []string{"monitor_service", "member"} {
		if out, status := b.commandAs(t, user, "check-config"); status != 78 || !strings.Contains(out, says) {
			t.Errorf("check-config as %s: status %d, %s", user, status, out)
		}
	}
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Eventually(t, "the reload is refused", host.Limit, func() bool {
		log := b.Get(t, "/var/log/monitor_service/monitor_service.log")
		return strings.Contains(log, "the old one stays") && strings.Contains(log, "and so change what runs as user")
	})
	b.Must(t, "chmod", "640", configPath)
	for _, user := range []string{"monitor_service", "member"} {
		if out, status := b.commandAs(t, user, "check-config"); status != 0 {
			t.Errorf("check-config as %s: status %d, %s", user, status, out)
		}
	}
}

// wantRulesKept does what the profile says is to be done again whenever
// config.ini names other units, with a mistake in config.ini.
func (b *bed) wantRulesKept(t *testing.T) {
	t.Helper()
	const rules = "/etc/polkit-1/rules.d/50-monitor_service.rules"
	steps := documentedSteps(b.Get(t, "/usr/share/monitor_service/unprivileged.conf"))
	from, to := strings.Index(steps, "rules=$("), strings.Index(steps, "systemctl daemon-reload")
	if from < 0 || to < from {
		t.Fatalf("the profile does not say how to write the rules:\n%s", steps)
	}
	good := b.Get(t, rules)
	b.edit(t, unprivilegedConfig+"no_such_key = 1\n")
	if out, err := b.Run(t, "sh", "-c", steps[from:to]); err == nil {
		t.Errorf("a mistake in config.ini does not fail the command that writes the rules: %s", out)
	}
	if got := b.Get(t, rules); got != good {
		t.Errorf("a mistake in config.ini has changed the rules to:\n%s", got)
	}
	b.edit(t, unprivilegedConfig)
	b.Must(t, "rm", rules)
	b.Must(t, "sh", "-c", steps[from:to])
	if got := b.Get(t, rules); got != good {
		t.Errorf("the rules are not written as they were, but:\n%s", got)
	}
}

// wantPageAndMetrics asks for what the listener of the default unit has, after
// a recovery of w@1. Of the daemon itself alerts look at when it was started.
func (b *bed) wantPageAndMetrics(t *testing.T) {
	t.Helper()
	b.awaitCurl(t, webURL+"/healthz", "ok\n 200")
	b.awaitCurl(t, webURL+"/readyz", "ok\n 200")
	if got := b.curl(t, webURL+"/"); !strings.Contains(got, "<html") || !strings.HasSuffix(got, " 200") {
		t.Errorf("the page is %s", got)
	}
	b.Eventually(t, "the recovery is in the history", host.Limit, func() bool {
		got := b.curl(t, webURL+"/api/v1/history")
		return strings.Contains(got, `"process":"w@1"`) && strings.Contains(got, `"outcome":"succeeded"`)
	})
	metrics := b.curl(t, webURL+"/metrics")
	value := func(name string) float64 {
		found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(metrics)
		if found == nil {
			return math.NaN()
		}
		v, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Error(err)
		}
		return v
	}
	now := float64(time.Now().Unix())
	for name, least := range map[string]float64{
		"process_start_time_seconds": now - 3600, "process_resident_memory_bytes": 1 << 20, "process_open_fds": 1,
		"monitor_service_last_successful_poll_timestamp_seconds": now - 3600, "monitor_service_check_interval_seconds": 0.2,
		"monitor_service_database_up": 1, "monitor_service_bus_up": 1, `monitor_service_process_running{process="w@1"}`: 1,
		`monitor_service_process_start_time_seconds{process="w@1"}`: now - 3600, `monitor_service_breaker_state{process="w@1"}`: 0,
		`monitor_service_recoveries_total{outcome="succeeded",process="w@1",strategy="service"}`: 1,
	} {
		if got := value(name); !(got >= least) {
			t.Errorf("%s is %g, want at least %g", name, got, least)
		}
	}
	if t.Failed() {
		t.Log(metrics)
	}
}

func exposure(t *testing.T, analysis string) float64 {
	t.Helper()
	found := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(analysis)
	if found == nil {
		t.Fatalf("systemd-analyze security names no exposure level:\n%s", analysis)
	}
	level, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return level
}

// TestPolkitRefusesAllThatTheConfigurationDoesNotName adds a rule that allows
// everything to everybody: what is refused then is refused by the daemon's own
// rules, and what is tried would work.
func TestPolkitRefusesAllThatTheConfigurationDoesNotName(t *testing.T) {
	b := unprivileged(t)
	b.Must(t, "systemctl", "stop", daemonUnit)
	b.Put(t, "/etc/polkit-1/rules.d/90-everybody.rules",
		"polkit.addRule(function(action, subject) { return polkit.Result.YES; });\n", 0o644)
	try := func(user, script string) error {
		_, err := b.Run(t, "runuser", "--user", user, "--", "sh", "-euc", script)
		return err
	}
	manager := func(method, arguments string) string {
		return "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager " +
			method + " " + arguments
	}
	b.Eventually(t, "polkit has read the rules", host.Limit, func() bool {
		return try("nobody", manager("RestartUnit", "ss w@2.service replace")) == nil &&
			try("monitor_service", manager("RestartUnit", "ss w@1.service replace")) == nil
	})
	if err := try("monitor_service", manager("ResetFailedUnit", "s w@1.service")); err != nil {
		t.Errorf("the unit is not reset: %v", err)
	}
	for _, c := range []struct{ name, script string }{
		{"another unit is restarted", manager("RestartUnit", "ss w@2.service replace")},
		{"another unit is reset", manager("ResetFailedUnit", "s w@2.service")},
		{"the daemon's own unit is restarted", manager("RestartUnit", "ss "+daemonUnit+" replace")},
		{"a unit with a name that begins the same is restarted", manager("RestartUnit", "ss w@11.service replace")},
		{"a named unit is started", manager("StartUnit", "ss w@1.service replace")},
		{"a named unit is killed", manager("KillUnit", "ssi w@1.service all 9")},
		{"a named unit's properties are set", manager("SetUnitProperties", "'sba(sv)' w@1.service true 1 CPUWeight t 1")},
		{"a transient unit is run", "systemd-run --no-ask-password --quiet --wait true"},
		{"a unit is masked", manager("MaskUnitFiles", "asbb 1 w@1.service true false")},
		{"a unit is enabled", manager("EnableUnitFiles", "asbb 1 "+daemonUnit+" true false")},
		{"systemd reads its units anew", manager("Reload", "")},
		{"a named unit is stopped", manager("StopUnit", "ss w@1.service replace")},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := try("monitor_service", c.script)
			if err == nil {
				t.Fatal("the unprivileged daemon may do it")
			}
			if !strings.Contains(err.Error(), "Access denied") && !strings.Contains(err.Error(), "Permission denied") {
				t.Errorf("it failed for another reason: %v", err)
			}
			if err := try("nobody", c.script); err != nil && strings.Contains(err.Error(), "denied") {
				t.Errorf("the refusal shows nothing, nobody may do it: %v", err)
			}
		})
	}
	if got := b.Must(t, "runuser", "--user", "monitor_service", "--", "cat", configPath); got == "" {
		t.Error("the daemon's user cannot read its configuration")
	}
	for _, path := range []string{configPath, packageUnit, "/etc/polkit-1/rules.d/50-monitor_service.rules", programPath} {
		if err := try("monitor_service", fmt.Sprintf("test ! -w %s", path)); err != nil {
			t.Errorf("the daemon's user can write %s", path)
		}
	}
	// The rules of the package grant nothing: without those of config.ini
	// nothing is left of what they allowed.
	b.Must(t, "systemctl", "unmask", "--runtime", "w@1.service") // nobody has masked it
	b.Must(t, "rm", "/etc/polkit-1/rules.d/50-monitor_service.rules")
	b.Eventually(t, "the named unit may no longer be restarted", host.Limit, func() bool {
		err := try("monitor_service", manager("RestartUnit", "ss w@1.service replace"))
		return err != nil && strings.Contains(err.Error(), "Access denied")
	})
	if err := try("nobody", manager("RestartUnit", "ss w@1.service replace")); err != nil {
		t.Errorf("the refusal shows nothing: %v", err)
	}
}
