//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

// noteShape is what is appended to the notes, without the time.
const noteText = "Restarted at 20"

func TestAlarmRestartsARealUnit(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	before := b.invocation(t, worker)
	b.start(t, baseConfig)
	b.raiseAlarm(t, 7, worker)
	b.awaitCleared(t, 7)

	if after := b.invocation(t, worker); after == before || b.Property(t, worker, "ActiveState") != "active" {
		t.Errorf("the unit's InvocationID was %q and is %q, want another one of an active unit", before, after)
	}
	if notes := b.alarmState(t, 7).notes; !strings.Contains(notes, noteText) {
		t.Errorf("the notes are %q", notes)
	}
	for _, event := range []string{
		"alarm_found", "recovery_started", "restarted", "health_passed", "recovery_succeeded", "alarm_cleared",
	} {
		entries := b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_PROCESS="+worker, "MONITOR_EVENT="+event)
		if len(entries) != 1 {
			t.Errorf("the journal has %d entries of event %s, want 1", len(entries), event)
			continue
		}
		if e := entries[0]; e["SYSLOG_IDENTIFIER"] != "monitor_service" || e["PRIORITY"] != "6" {
			t.Errorf("the entry of %s is from %v with priority %v", event, e["SYSLOG_IDENTIFIER"], e["PRIORITY"])
		}
		if log := b.Get(t, logPath); strings.Count(log, "event="+event+" ") != 1 {
			t.Errorf("the log file does not have one line of event %s:\n%s", event, log)
		}
	}
	if mode := b.Must(t, "stat", "-c", "%a", logPath); mode != "640" {
		t.Errorf("the log file's mode is %s, want 640", mode)
	}
}

func TestDeadAndFailedUnitsAreStarted(t *testing.T) {
	b := newBed(t)
	b.unit(t, "dead.service", "[Service]\nExecStart=/bin/sleep infinity\n")
	b.unit(t, "failed.service", "[Service]\nExecStart=/bin/sh -c 'test -e /srv/mended && exec sleep infinity'\n")
	_, _ = b.Run(t, "systemctl", "start", "failed.service")
	b.EventuallyIs(t, "failed.service", host.Limit, "failed", func() string { return b.Property(t, "failed.service", "ActiveState") })
	b.Put(t, "/srv/mended", "", 0o644)

	b.start(t, baseConfig)
	b.raiseAlarms(t, map[int]string{1: "dead", 2: "failed"})
	b.awaitCleared(t, 1)
	b.awaitCleared(t, 2)
	for _, unit := range []string{"dead.service", "failed.service"} {
		if got := b.Property(t, unit, "ActiveState"); got != "active" {
			t.Errorf("%s is %s", unit, got)
		}
	}
}

// TestBreakerOpensAndGetsOneTrial counts the restarts in the journal of
// systemd, not in the daemon's own.
func TestBreakerOpensAndGetsOneTrial(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	const resetTime = 6 * time.Second
	b.start(t, baseConfig+`max_restart_failures = 3
circuit_reset_time = 6
[process.default]
max_attempts = 1
health_check_command = false
health_check_timeout = 200ms
health_check_interval = 100ms
`)
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the breaker opens", host.Limit, func() bool { return b.events(t, worker, "breaker_opened") == 1 })
	opened := b.starts(t, worker)
	if len(opened) != 1+3 {
		t.Errorf("the unit was started %d times before the breaker opened, want once by the test and 3 times by the daemon", len(opened))
	}
	b.Eventually(t, "the trial fails", host.Limit, func() bool { return b.events(t, worker, "breaker_opened") == 2 })
	tried := b.starts(t, worker)
	if len(tried) != 1+3+1 {
		t.Fatalf("the unit was started %d times by the end of the trial, want %d", len(tried), 1+3+1)
	}
	if pause := tried[4].Sub(tried[3]); pause < resetTime {
		t.Errorf("the trial came %v after the last failure, want at least %v", pause, resetTime)
	}
	b.Eventually(t, "the second trial fails", host.Limit, func() bool { return b.events(t, worker, "breaker_opened") == 3 })
	tried = b.starts(t, worker)
	if len(tried) != 1+3+2 {
		t.Fatalf("the unit was started %d times by the end of the second trial, want %d", len(tried), 1+3+2)
	}
	if pause := tried[5].Sub(tried[4]); pause < resetTime {
		t.Errorf("the second trial came %v after the first one, want at least %v", pause, resetTime)
	}
	if got := b.alarmState(t, 1).alarma; got != "1" {
		t.Errorf("the alarm of a process that was never healthy is %s", got)
	}
}

func TestUnitBeyondItsStartLimitIsRecovered(t *testing.T) {
	b := newBed(t)
	b.unit(t, "limited.service", "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nExecStart=/bin/sleep infinity\n")
	b.Shell(t, "for i in 1 2 3; do systemctl restart limited.service || true; done")
	if got := b.Property(t, "limited.service", "Result"); got != "start-limit-hit" {
		t.Fatalf("the unit's result is %q, want start-limit-hit", got)
	}
	b.start(t, baseConfig)
	for range 4 { // more often than the limit allows
		b.raiseAlarm(t, 1, "limited")
		b.awaitCleared(t, 1)
		if got := b.Property(t, "limited.service", "ActiveState"); got != "active" {
			t.Fatalf("the unit is %s", got)
		}
		b.Must(t, "systemctl", "restart", daemonUnit) // a fresh breaker
	}
}

func TestMaskedUnitGetsAClearError(t *testing.T) {
	b := newBed(t)
	b.unit(t, "masked.service", "[Service]\nExecStart=/bin/sleep infinity\n")
	b.Must(t, "rm", scratchUnits+"/masked.service")
	b.Must(t, "systemctl", "mask", "--runtime", "masked.service")
	b.start(t, baseConfig)
	b.raiseAlarm(t, 1, "masked")
	b.Eventually(t, "the refusal is told", host.Limit, func() bool { return b.events(t, "masked", "not_acting") > 0 })
	entry := b.journalSince(t, "MONITOR_PROCESS=masked", "MONITOR_EVENT=not_acting")[0]
	if text := fmt.Sprint(entry["MESSAGE"]); entry["MONITOR_REASON"] != "masked" ||
		!strings.Contains(text, "masked.service") || !strings.Contains(text, "is masked") {
		t.Errorf("the refusal says %v", entry["MESSAGE"])
	}
	b.awaitPolls(t, 5)
	if n := b.events(t, "masked", "not_acting"); n != 1 {
		t.Errorf("the refusal was told %d times", n)
	}
	if out, err := b.Run(t, "pgrep", "-x", "masked"); err == nil {
		t.Errorf("a process was started beside the masked unit: %s", out)
	}
}

func TestAutoNeverStartsADuplicateBesideAUnitThatFails(t *testing.T) {
	b := newBed(t)
	b.unit(t, "broken.service", "[Service]\nExecStart=/srv/broken --as-unit\n")
	// As a bare process it would run.
	b.Put(t, "/srv/broken", "#!/bin/sh\n[ \"$1\" = --as-unit ] && exit 1\nexec sleep infinity\n", 0o755)
	b.start(t, baseConfig+`max_restart_failures = 2
[process.broken]
start_command = /srv/broken
`)
	b.raiseAlarm(t, 1, "broken")
	b.Eventually(t, "the breaker opens", host.Limit, func() bool { return b.events(t, "broken", "breaker_opened") == 1 })
	if out, err := b.Run(t, "pgrep", "-af", "broken"); err == nil {
		t.Errorf("a process runs beside the failing unit:\n%s", out)
	}
	if entry := b.journalSince(t, "MONITOR_PROCESS=broken", "MONITOR_EVENT=recovery_started")[0]; entry["MONITOR_STRATEGY"] != "service" {
		t.Errorf("auto chose %v where there is a unit", entry["MONITOR_STRATEGY"])
	}
}

func TestProtectedUnitsAreLeftAlone(t *testing.T) {
	b := newBed(t)
	names := []string{"dbus", "systemd-journald", "dbus-org.freedesktop.login1", "monitor_service", "reboot.target", "-.mount", "systemd-journald.socket"}
	alarms := map[int]string{}
	before := map[string]string{}
	for i, name := range names {
		alarms[i] = name
	}
	for _, unit := range []string{"dbus.service", "systemd-journald.service", "systemd-logind.service"} {
		before[unit] = b.invocation(t, unit)
	}
	b.start(t, baseConfig)
	before[daemonUnit] = b.invocation(t, daemonUnit)
	b.raiseAlarms(t, alarms)
	for _, name := range names {
		b.Eventually(t, name+" is refused", host.Limit, func() bool { return b.events(t, name, "not_acting") == 1 })
	}
	for unit, was := range before {
		if is := b.invocation(t, unit); is != was {
			t.Errorf("%s was restarted", unit)
		}
	}
}

// TestOneHungRecoveryDelaysNoneOfFiftyOthers has fifty alarms beside the one whose
// recovery hangs, and another one that is raised only then.
func TestOneHungRecoveryDelaysNoneOfFiftyOthers(t *testing.T) {
	b := newBed(t)
	var instances []string
	for i := range 52 {
		instances = append(instances, fmt.Sprint(i))
	}
	workers := b.workers(t, instances...)
	b.start(t, baseConfig+`[process.default]
health_check_interval = 100ms
[process.w@0]
health_check_command = touch /srv/hung; sleep infinity
health_check_timeout = 3600
max_attempts = 1
`)
	alarms := map[int]string{}
	for i, name := range workers[:51] {
		alarms[i] = name
	}
	b.raiseAlarms(t, alarms)
	b.Eventually(t, "the check that hangs has begun", host.Limit, func() bool {
		_, err := b.Run(t, "test", "-e", "/srv/hung")
		return err == nil
	})
	// Only a poll that does not wait for the hung one can find this.
	b.raiseAlarm(t, 51, workers[51])
	b.awaitCleared(t, 51)
	b.EventuallyIs(t, "alarms left", host.Limit, "1", func() string {
		return b.SQL(t, "SELECT COUNT(*) FROM v_process_monitor.STATUS_PROCESS WHERE alarma = 1;")
	})
	if got := b.alarmState(t, 0).alarma; got != "1" {
		t.Errorf("the alarm of the hung one is %s", got)
	}
	if n := b.events(t, "w@0", "recovery_failed"); n != 0 {
		t.Error("the hung recovery ended before the others: the test shows nothing")
	}
}

func TestCustomStrategyOutlivesTheDaemon(t *testing.T) {
	b := newBed(t)
	b.Must(t, "install", "-D", "/bin/sleep", "/srv/custom-daemon")
	b.Put(t, "/srv/restart.sh", "#!/bin/sh\necho \"$MONITOR_PROCESS_NAME $MONITOR_PROCESS_ID $MONITOR_ATTEMPT $1\" > /srv/said\n"+
		"setsid /srv/custom-daemon infinity &\n", 0o755)
	b.start(t, baseConfig+`[process.custom-daemon]
restart_strategy = custom
restart_command = /srv/restart.sh %s
`)
	b.raiseAlarm(t, 3, "custom-daemon")
	b.awaitCleared(t, 3)
	if got := strings.TrimSpace(b.Get(t, "/srv/said")); got != "custom-daemon 3 1 custom-daemon" {
		t.Errorf("the command was told %q", got)
	}
	pid := b.Must(t, "pgrep", "-f", "/srv/custom-daemon")
	b.Must(t, "systemctl", "restart", daemonUnit)
	b.Must(t, "systemctl", "stop", daemonUnit)
	if got, err := b.Run(t, "pgrep", "-f", "/srv/custom-daemon"); err != nil || strings.TrimSpace(got) != pid {
		t.Errorf("what the command started was process %s and is %q (%v) after the daemon's end", pid, got, err)
	}
}

func TestFailingCustomCommandTellsItsLastLines(t *testing.T) {
	b := newBed(t)
	b.start(t, baseConfig+`[process.custom]
restart_strategy = custom
restart_command = echo one; echo "the last words" >&2; exit 7
max_attempts = 1
`)
	b.raiseAlarm(t, 1, "custom")
	b.Eventually(t, "the recovery fails", host.Limit, func() bool { return b.events(t, "custom", "recovery_failed") > 0 })
	entry := b.journalSince(t, "MONITOR_PROCESS=custom", "MONITOR_EVENT=recovery_failed")[0]
	if text := fmt.Sprint(entry["MONITOR_ERROR"]); !strings.Contains(text, "exit status 7") || !strings.Contains(text, "the last words") {
		t.Errorf("the error is %q", text)
	}
}
