//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

func TestEditedConfigurationIsInForceAfterARestart(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig+"unconfigured_processes = ignore\n")
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the process is ignored", host.Limit, func() bool { return b.events(t, worker, "not_acting") == 1 })
	b.configure(t, baseConfig)
	b.Must(t, "systemctl", "restart", daemonUnit)
	b.awaitCleared(t, 1)
}

func TestReloadWithAGoodAndWithABadFile(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig+"unconfigured_processes = ignore\n")
	before := b.invocation(t, daemonUnit)

	b.configure(t, baseConfig+"chek_interval = 5\nmax_restart_failures = none\n")
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Eventually(t, "the mistakes are told", host.Limit, func() bool {
		log := b.Get(t, logPath)
		return strings.Contains(log, "chek_interval") && strings.Contains(log, "max_restart_failures") &&
			strings.Contains(log, "the old one stays")
	})
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the old configuration is in force", host.Limit, func() bool { return b.events(t, worker, "not_acting") == 1 })

	b.configure(t, baseConfig)
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.awaitCleared(t, 1)
	if after := b.invocation(t, daemonUnit); after != before {
		t.Error("the daemon was restarted by a reload")
	}
}

func TestWrongConfigurationEndsWith78AndIsNotRestarted(t *testing.T) {
	b := newBed(t)
	b.install(t, strings.Replace(baseConfig, "check_interval = 200ms", "check_interval = soon", 1))
	if out, err := b.Run(t, "systemctl", "start", daemonUnit); err == nil {
		t.Fatalf("the daemon started: %s", out)
	}
	if status, result := b.Property(t, daemonUnit, "ExecMainStatus"), b.Property(t, daemonUnit, "ActiveState"); status != "78" || result != "failed" {
		t.Errorf("exit status %s, state %s; want 78 and failed, with no restart", status, result)
	}
	if n := b.Property(t, daemonUnit, "NRestarts"); n != "0" {
		t.Errorf("systemd restarted it %s times", n)
	}
	out, err := b.Run(t, programPath, "check-config")
	if err == nil || !strings.Contains(out+err.Error(), "check_interval") {
		t.Errorf("check-config says %q (%v)", out, err)
	}
}

// bashConfig is a configuration as the bash daemon's documentation shows it,
// with a comment on every line that may have one.
const bashConfig = `# monitor
[database]
host = localhost            # the server
user = monitor              # the account
password = secret           # its password
database = v_process_monitor # the schema

[monitor]
check_interval = 1          # Check interval in seconds
max_restart_failures = 2    # Maximum restart attempts before circuit breaker opens
circuit_reset_time = 1800   # Time in seconds before circuit breaker resets

[logging]
max_log_size = 5120         # Maximum log file size in KB before rotation (5MB)
log_files_to_keep = 5       # Number of rotated log files to keep

[process.default]
health_check_command = test -e /srv/healthy-%s # Will be replaced with actual process name
health_check_timeout = 5    # seconds

[process.w@1]
restart_strategy = service  # Strategy: service, process, or auto
pre_restart_command = touch /srv/validated # Command to run before restart
health_check_command = systemctl is-active w@1 # Command to verify successful restart
health_check_timeout = 10   # Maximum time in seconds to wait for health check to pass
restart_delay = 5           # Delay between restart attempts
max_attempts = 2            # Maximum number of restart attempts per cycle
`

func TestTheBashDaemonsConfigurationLoadsAndMeansWhatItSays(t *testing.T) {
	b := newBed(t)
	b.workers(t, "1", "2")
	b.install(t, "")
	b.Must(t, "rm", configPath)
	b.Put(t, "/opt/monitor_service/config.ini", bashConfig, 0o644)
	t.Cleanup(func() { b.Must(t, "rm", "-r", "/opt/monitor_service") })

	out := b.Must(t, programPath, "check-config")
	for _, want := range []string{"w@1", "touch /srv/validated", "systemctl is-active w@1"} {
		if !strings.Contains(out, want) {
			t.Errorf("check-config does not show %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "Will be replaced") || strings.Contains(out, "secret") {
		t.Errorf("check-config shows a comment or the password:\n%s", out)
	}
	b.Must(t, "touch", "/srv/healthy-w@2")
	b.Must(t, "systemctl", "start", daemonUnit)
	b.raiseAlarms(t, map[int]string{1: "w@1", 2: "w@2"})
	b.awaitCleared(t, 1)
	b.awaitCleared(t, 2)
	b.Must(t, "rm", "/srv/validated", "/srv/healthy-w@2") // they are there
	for i := 1; i <= 2; i++ {
		if n := len(b.starts(t, fmt.Sprint("w@", i))); n != 2 {
			t.Errorf("w@%d was started %d times, want once by the test and once by the daemon", i, n)
		}
	}
}

// TestSIGTERMEndsARecoveryInOrder stops the daemon in the middle of one.
func TestSIGTERMEndsARecoveryInOrder(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig+"[process.default]\nhealth_check_command = touch /srv/begun; sleep 3\nhealth_check_timeout = 20\n")
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the check has begun", host.Limit, func() bool {
		_, err := b.Run(t, "test", "-e", "/srv/begun")
		return err == nil
	})
	b.Must(t, "systemctl", "stop", daemonUnit)
	if got := b.Property(t, daemonUnit, "Result"); got != "success" {
		t.Errorf("the daemon ended with %s", got)
	}
	if got := b.alarmState(t, 1).alarma; got != "0" {
		t.Errorf("the recovery under way was not brought to its end: alarma is %s", got)
	}
}

func TestWedgedLoopIsRestartedByTheWatchdog(t *testing.T) {
	b := newBed(t)
	b.install(t, baseConfig)
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/watchdog.conf", "[Service]\nWatchdogSec=2\nRestartSec=100ms\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	before := b.Property(t, daemonUnit, "MainPID")
	b.Must(t, "kill", "-STOP", before)
	b.Eventually(t, "systemd restarts it", host.Limit, func() bool {
		pid := b.Property(t, daemonUnit, "MainPID")
		return pid != before && pid != "0" && b.Property(t, daemonUnit, "ActiveState") == "active"
	})
}

func TestDatabaseOutageDoesNotStarveTheWatchdog(t *testing.T) {
	b := newBed(t)
	b.install(t, baseConfig)
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/watchdog.conf", "[Service]\nWatchdogSec=2\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "stop", "mariadb.service")
	b.Must(t, "systemctl", "start", daemonUnit)
	before := b.Property(t, daemonUnit, "MainPID")
	b.Must(t, "sleep", "5") // more than two periods of the watchdog
	if got := b.Property(t, daemonUnit, "MainPID"); got != before {
		t.Errorf("the daemon was process %s and is %s", before, got)
	}
}

// TestDatabaseThatHangsDoesNotStarveTheWatchdog freezes the server, so that
// nothing is refused: each poll lasts as long as query_timeout lets it, which
// is five times the watchdog's patience.
func TestDatabaseThatHangsDoesNotStarveTheWatchdog(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.install(t, strings.Replace(baseConfig, "[monitor]", "query_timeout = 10\n[monitor]", 1))
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/watchdog.conf", "[Service]\nWatchdogSec=2\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	b.awaitPolls(t, 2)
	before := b.Property(t, daemonUnit, "MainPID")
	thaw := func() { b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=CONT", "mariadb.service") }
	t.Cleanup(thaw)
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=STOP", "mariadb.service")
	told := func(event string) int { return len(b.journalSince(t, "MONITOR_EVENT="+event)) }
	b.Eventually(t, "the outage is told", host.Limit, func() bool { return told("database_lost") == 1 })
	b.Must(t, "sleep", "5") // more than two periods of the watchdog, in which it is tried again
	thaw()
	b.Eventually(t, "the end of the outage is told", host.Limit, func() bool { return told("database_back") == 1 })
	b.raiseAlarm(t, 1, worker)
	b.awaitCleared(t, 1)
	if lost, back := told("database_lost"), told("database_back"); lost != 1 || back != 1 {
		t.Errorf("the outage was told %d times and its end %d times, want once each", lost, back)
	}
	if got := b.Property(t, daemonUnit, "MainPID"); got != before {
		t.Errorf("the daemon was process %s and is %s", before, got)
	}
	if got := b.Property(t, daemonUnit, "NRestarts"); got != "0" {
		t.Errorf("systemd restarted the daemon %s times", got)
	}
}

func TestSignals(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, strings.Replace(baseConfig, "check_interval = 200ms", "check_interval = 24h", 1))
	b.Eventually(t, "the first poll", host.Limit, func() bool {
		return strings.Contains(b.Property(t, daemonUnit, "StatusText"), "0 in alarm") &&
			!strings.Contains(b.Property(t, daemonUnit, "StatusText"), "first poll")
	})
	b.raiseAlarm(t, 1, worker)
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=USR1", daemonUnit)
	b.awaitCleared(t, 1)
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=INT", daemonUnit)
	b.EventuallyIs(t, "the daemon after SIGINT", host.Limit, "inactive", func() string { return b.Property(t, daemonUnit, "ActiveState") })
	if got := b.Property(t, daemonUnit, "Result"); got != "success" {
		t.Errorf("the daemon ended with %s", got)
	}
}

// TestProcessIsStartedAgainHoweverLongItsEndTakes stops the daemon while a
// process that it has asked to end takes longer for that than the unit's
// TimeoutStopSec.
func TestProcessIsStartedAgainHoweverLongItsEndTakes(t *testing.T) {
	b := newBed(t)
	b.Put(t, "/srv/slow-end", "#!/bin/sh\ntrap 'touch /srv/asked; sleep 12; exit 0' TERM\nwhile :; do sleep 0.2; done\n", 0o755)
	b.Must(t, "systemd-run", "--quiet", "--collect", "--", "/srv/slow-end")
	b.Eventually(t, "the process runs", host.Limit, func() bool { return len(b.pids(t, "/bin/sh /srv/slow-end")) == 1 })
	before := b.pids(t, "/bin/sh /srv/slow-end")[0]
	b.install(t, baseConfig+`[process.slow-end]
restart_strategy = process
start_command = /srv/slow-end
stop_timeout = 40
`)
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/stop.conf", "[Service]\nTimeoutStopSec=8\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	b.raiseAlarm(t, 1, "slow-end")
	b.Eventually(t, "the process is asked to end", host.Limit, func() bool {
		_, err := b.Run(t, "test", "-e", "/srv/asked")
		return err == nil
	})
	b.Must(t, "systemctl", "stop", daemonUnit)
	if after := b.pids(t, "/bin/sh /srv/slow-end"); len(after) != 1 || after[0] == before {
		t.Errorf("the process was %s; after the daemon's end there are %v", before, after)
	}
	if got := b.Property(t, daemonUnit, "Result"); got != "success" {
		t.Errorf("the daemon ended with %s", got)
	}
}

func TestReloadInReadOnlyModeRestartsNothing(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	readOnly := strings.Replace(baseConfig, "user = monitor", "user = reader", 1)
	b.start(t, readOnly)
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "read-only is told", host.Limit, func() bool { return b.events(t, worker, "write_back_refused") == 1 })
	b.configure(t, strings.Replace(readOnly, "[monitor]", "query_timeout = 7\n[monitor]", 1))
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.awaitPolls(t, 10)
	if n := len(b.starts(t, worker)); n != 2 {
		t.Errorf("the unit was started %d times, want once by the test and once by the daemon", n)
	}
	if n := len(b.journalSince(t, "MONITOR_EVENT=write_back_refused")); n != 1 {
		t.Errorf("after the reload read-only was told %d times, want once in all", n)
	}
	// With an account that may write, the alarm of before is cleared.
	b.configure(t, baseConfig)
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.awaitCleared(t, 1)
	if n := len(b.starts(t, worker)); n != 2 {
		t.Errorf("after the reload the unit was started %d times", n)
	}
}

func TestUnitUnderSeveralNamesIsRestartedOnce(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.raiseAlarms(t, map[int]string{1: worker, 2: worker + ".service", 3: "other"})
	b.start(t, baseConfig+"[process.other]\nunit = "+worker+"\n")
	for id := 1; id <= 3; id++ {
		b.awaitCleared(t, id)
	}
	if n := len(b.starts(t, worker)); n != 2 {
		t.Errorf("the unit was started %d times, want once by the test and once by the daemon", n)
	}
}
