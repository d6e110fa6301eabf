//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
	"monitor_service/internal/testenv/host"
)

const (
	controlSocket = "/run/monitor_service/control.sock"
	controlGroup  = "monitor_service"
)

// command runs the program as root and returns what it prints on both outputs,
// and its exit status.
func (b *bed) command(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	return b.commandAs(t, "root", args...)
}

// commandAs runs the program as another user.
func (b *bed) commandAs(t *testing.T, user string, args ...string) (out string, status int) {
	t.Helper()
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = "'" + a + "'"
	}
	script := fmt.Sprintf("status=0; runuser -u %s -- %s %s 2>&1 || status=$?; echo; echo $status",
		user, programPath, strings.Join(quoted, " "))
	out = strings.TrimRight(b.Shell(t, script), "\n")
	end := strings.LastIndexByte(out, '\n')
	if _, err := fmt.Sscan(out[end+1:], &status); err != nil {
		t.Fatalf("no exit status at the end of %q", out)
	}
	return strings.TrimSpace(out[:end]), status
}

// wantCommand runs a command that has to end with a status and to say some
// things.
func (b *bed) wantCommand(t *testing.T, status int, args []string, says ...string) string {
	t.Helper()
	out, got := b.command(t, args...)
	if got != status {
		t.Errorf("%q ended with %d, want %d:\n%s", args, got, status, out)
	}
	for _, s := range says {
		if !strings.Contains(out, s) {
			t.Errorf("%q does not say %q:\n%s", args, s, out)
		}
	}
	return out
}

func (b *bed) status(t *testing.T, process string) control.Process {
	t.Helper()
	var s control.Status
	out := b.wantCommand(t, 0, []string{"status", process, "--json"})
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(s.Processes) != 1 || s.Processes[0].Name != process {
		t.Fatalf("status of %q is about %+v", process, s.Processes)
	}
	return s.Processes[0]
}

func (b *bed) awaitState(t *testing.T, process string, want control.State) {
	t.Helper()
	b.EventuallyIs(t, "state of "+process, host.Limit, string(want), func() string { return string(b.status(t, process).State) })
}

const failingProcess = `
[process.bad]
restart_strategy = custom
restart_command = true
max_attempts = 2
restart_delay = 0
health_check_command = echo connection refused by %s; exit 1
health_check_timeout = 300ms
`

func TestStatusShowsARecoveringAFailingAnOpenAPausedAnAcknowledgedAndAQuietProcess(t *testing.T) {
	b := newBed(t)
	b.workers(t, "quiet", "paused", "acked")
	b.start(t, strings.Replace(baseConfig, "check_interval = 200ms", "check_interval = 200ms\nmax_restart_failures = 2", 1)+`
[process.slow]
restart_strategy = custom
restart_command = while ! test -e /srv/go-on; do sleep 0.1; done
health_check_command = true
[process.w@quiet]
priority = 1
`+failingProcess)
	b.raiseAlarms(t, map[int]string{1: "slow", 2: "bad", 3: "w@acked"})
	b.SQL(t, "UPDATE v_process_monitor.STATUS_PROCESS SET sound = 1 WHERE process_id = 3;")
	b.SQL(t, "INSERT INTO v_process_monitor.PROCESE VALUES (4, 'w@paused');")
	b.wantCommand(t, 0, []string{"pause", "w@paused", "--for", "2h", "--reason", "new disks"}, `"w@paused" is paused until`)
	b.raiseAlarm(t, 4, "w@paused")
	b.awaitState(t, "slow", control.Recovering)
	b.awaitState(t, "bad", control.Open)
	b.awaitState(t, "w@paused", control.Paused)
	b.awaitState(t, "w@acked", control.Acknowledged)
	b.awaitState(t, "w@quiet", control.OK)
	out := b.wantCommand(t, 0, []string{"status"},
		"recovering for", "open, trial in", "paused until", "acknowledged", "paused by root since", "new disks",
		"connection refused by bad", "3 in alarm, 1 recovering", "1 with an open breaker")
	if strings.Contains(out, "\x1b") {
		t.Errorf("colours in a pipe: %q", out)
	}
	p := b.status(t, "bad")
	if p.Breaker.State != "open" || p.Breaker.NextTrial.IsZero() || p.AlarmSince.IsZero() || p.Last == nil || p.Last.Outcome != "failed" {
		t.Errorf("%+v", p)
	}

	b.wantOnTerminal(t)
	b.wantPrograms(t)

	b.wantCommand(t, 0, []string{"history", "bad"}, "health_check_failed", "connection refused by bad", "attempt 2 of 2", "breaker opened")
	b.wantCommand(t, 1, []string{"restart", "slow"}, "under way")
	b.wantCommand(t, 0, []string{"reset", "bad"}, "breaker", "closed")
	b.Eventually(t, "the reset process is tried again at once", host.Limit, func() bool { return b.events(t, "bad", "recovery_failed") >= 3 })
	b.Must(t, "touch", "/srv/go-on")
	b.awaitCleared(t, 1)
}

// wantOnTerminal watches the status for a while on a terminal of the usual size:
// it is written over itself, and what fails is on it.
func (b *bed) wantOnTerminal(t *testing.T) {
	t.Helper()
	out := b.onTerminal(t, "stty rows 24 cols 80; timeout 3 "+programPath+" status --watch")
	const home = "\x1b[H"
	frames := strings.Split(out, home)
	if len(frames) < 3 {
		t.Fatalf("it was shown %d times: %q", len(frames)-1, out)
	}
	last := frames[len(frames)-1]
	last = strings.ReplaceAll(last, "\x1b[K\r\n", "") // where the terminal ends, an error is broken
	for _, want := range []string{"bad", "trial in", "recovering for", "paused for", "acknowledged", "connection refused"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not on the terminal: %q", want, last)
		}
	}
	if lines := strings.Count(frames[len(frames)-1], "\n"); lines > 24 {
		t.Errorf("%d lines on a terminal of 24", lines)
	}
}

// wantPrograms asks as a program does, about a process in each state.
func (b *bed) wantPrograms(t *testing.T) {
	t.Helper()
	var h control.History
	if out := b.wantCommand(t, 0, []string{"history", "bad", "--json"}); json.Unmarshal([]byte(out), &h) != nil || len(h.Recoveries) == 0 {
		t.Fatalf("the history is %s", out)
	}
	if r := h.Recoveries[len(h.Recoveries)-1]; r.Process != "bad" || r.Outcome != history.Failed || len(r.Attempts) != 2 || r.Reason != "health_check_failed" {
		t.Errorf("the last recovery is %+v", r)
	}
	for process, reason := range map[string]string{"slow": "running", "bad": "breaker_open", "w@paused": "paused", "w@acked": "acknowledged", "w@quiet": ""} {
		var x control.Explanation
		if out := b.wantCommand(t, 0, []string{"explain", process, "--json"}); json.Unmarshal([]byte(out), &x) != nil || x.Process != process {
			t.Errorf("the explanation of %q is %s", process, out)
		}
		if x.Reason != reason || x.Acts != (reason == "") || x.Verdict == "" || len(x.Steps) == 0 {
			t.Errorf("the explanation of %q is %+v", process, x)
		}
	}
}

func TestRestartShowsItsProgressAndEndsWithItsVerdict(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig+"max_restart_failures = 1\n[process."+worker+"]\n# Longer than a request may take to be read.\nhealth_check_command = sleep 7\nhealth_check_timeout = 20\n"+failingProcess)
	before := b.invocation(t, worker)
	b.wantCommand(t, 0, []string{"restart", worker}, "started: service w@1.service", "health check passed", "succeeded: ")
	if b.invocation(t, worker) == before {
		t.Error("it was not restarted")
	}
	b.wantCommand(t, 1, []string{"restart", "bad"}, "attempt 2 of 2: failed", "connection refused by bad", "failed: ", "breaker is open until")
	b.wantCommand(t, 1, []string{"restart", "bad"}, "breaker is open", "--force")
	b.wantCommand(t, 1, []string{"restart", "bad", "--force"}, "trial of an open breaker", "failed: ")

	var entries []map[string]any
	b.Eventually(t, "three restarts are in the journal as root's", host.Limit, func() bool {
		entries = b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT=restart_requested", "MONITOR_BY=root", "MONITOR_UID=0")
		return len(entries) == 3
	})
	for _, e := range entries {
		if id, _ := e["MESSAGE_ID"].(string); len(id) != 32 {
			t.Errorf("no MESSAGE_ID in %v", e)
		}
	}
	// A restart of what has an alarm clears it.
	b.wantCommand(t, 0, []string{"pause", worker})
	b.raiseAlarm(t, 1, worker)
	b.awaitState(t, worker, control.Paused)
	b.wantCommand(t, 1, []string{"restart", worker}, "paused", "--force")
	b.Eventually(t, "the alarm is seen", host.Limit, func() bool { return b.status(t, worker).InAlarm })
	b.wantCommand(t, 0, []string{"restart", worker, "--force"}, "its alarm is cleared")
	b.awaitCleared(t, 1)
}

func TestExplainIsAboutTheUnitsAndProcessesThatThereAre(t *testing.T) {
	b := newBed(t)
	b.workers(t, "1")
	b.process(t, "/srv/bin/importer", "infinity")
	b.start(t, baseConfig+"[process.w@1]\n[process.importer]\nrestart_strategy = process\nstart_command = /srv/bin/importer infinity\n")
	b.wantCommand(t, 0, []string{"explain", "w@1"}, "If w@1 alarmed now: it would be restarted.\nIt is ok now; its breaker is closed.",
		"strategy service, unit w@1.service, which is active (running)", "restart the unit w@1.service through systemd (at most 1m30s)",
		"check that the unit w@1.service is active and stays so")
	pid := b.Must(t, "pgrep", "-x", "importer")
	b.wantCommand(t, 0, []string{"explain", "importer"}, "strategy process, running as process "+pid,
		"end 1 process with SIGTERM, after 10s with SIGKILL", "/srv/bin/importer infinity")

	b.Must(t, "systemctl", "stop", "w@1")
	b.wantCommand(t, 0, []string{"explain", "w@1"}, "it would be restarted.", "w@1.service, which is inactive (dead)")
	b.Must(t, "systemctl", "mask", "--runtime", "w@1.service")
	b.wantCommand(t, 0, []string{"explain", "w@1"}, "it would be left alone: ", "masked")
	if state := b.Property(t, "w@1.service", "ActiveState"); state != "inactive" {
		t.Errorf("explaining has made it %s", state)
	}
}

func TestPausesAndHistorySurviveARestartOfTheDaemon(t *testing.T) {
	b := newBed(t)
	b.workers(t, "1", "2")
	b.start(t, baseConfig+"[process.w@1]\n[process.w@2]\n")
	b.wantCommand(t, 0, []string{"restart", "w@1"})
	b.wantCommand(t, 0, []string{"pause", "w@1", "--reason", "maintenance"})
	b.wantCommand(t, 0, []string{"pause", "--all", "--for", "1h"})
	since := b.status(t, "w@1").Pause.Since
	b.Must(t, "systemctl", "restart", daemonUnit)
	p := b.status(t, "w@1")
	if p.State != control.Paused || p.Pause == nil || p.Pause.By != "root" || p.Pause.Why != "maintenance" || !p.Pause.Since.Equal(since) || !p.Pause.Until.IsZero() {
		t.Errorf("after the restart: %+v", p)
	}
	b.wantCommand(t, 0, []string{"status"}, "All processes are paused by root since")
	b.wantCommand(t, 0, []string{"history", "w@1"}, "recovered in", "asked for by root")
	b.raiseAlarms(t, map[int]string{1: "w@1", 2: "w@2"})
	b.wantCommand(t, 0, []string{"check-now"}, "2 in alarm")
	b.awaitPolls(t, 3)
	if a := b.alarmState(t, 2); a.alarma != "1" {
		t.Error("a paused process was restarted")
	}
	b.wantCommand(t, 0, []string{"resume", "--all"}, "no longer paused", "still paused on their own: 1 process")
	b.awaitCleared(t, 2)
	if a := b.alarmState(t, 1); a.alarma != "1" {
		t.Error("resume --all ended the pause of one process")
	}
	b.wantCommand(t, 0, []string{"resume", "w@1"}, "no longer paused")
	b.awaitCleared(t, 1)
	b.wantCommand(t, 0, []string{"resume", "w@1"}, "not paused")
	for _, f := range []string{"pauses.json", "history.jsonl"} {
		if mode := b.Must(t, "stat", "--format=%a %U", "/var/lib/monitor_service/"+f); mode != "640 root" {
			t.Errorf("%s is %s", f, mode)
		}
	}
}

func TestDamagedStateIsSaidAndMovedAsideAndKeepsNobodyFromStarting(t *testing.T) {
	b := newBed(t)
	b.install(t, baseConfig+"[process.p]\n")
	for _, f := range []string{"pauses.json", "history.jsonl"} {
		b.Put(t, "/var/lib/monitor_service/"+f, "{ torn", 0o640)
	}
	b.Must(t, "systemctl", "start", daemonUnit)
	b.wantCommand(t, 0, []string{"status", "p"}, "ok")
	for _, f := range []string{"pauses.json.damaged", "history.jsonl.damaged"} {
		b.Eventually(t, "the log says where the old file is: "+f, host.Limit, func() bool { return strings.Contains(b.Get(t, logPath), f) })
		if got := b.Get(t, "/var/lib/monitor_service/"+f); got != "{ torn" {
			t.Errorf("%s has %q", f, got)
		}
	}
}

func TestWhoMayUseTheSocket(t *testing.T) {
	b := newBed(t)
	b.Shell(t, `
		groupadd --system `+controlGroup+`
		useradd --no-create-home member && usermod --append --groups `+controlGroup+` member
		useradd --no-create-home stranger`)
	t.Cleanup(func() { b.Shell(t, "userdel member; userdel stranger; groupdel "+controlGroup) })
	b.start(t, baseConfig+"[process.p]\n")
	if mode := b.Must(t, "stat", "--format=%a %U %G", controlSocket); mode != "660 root "+controlGroup {
		t.Errorf("the socket is %s", mode)
	}
	if out, status := b.commandAs(t, "member", "pause", "p"); status != 0 {
		t.Errorf("a member of the group: %d, %s", status, out)
	}
	if p := b.status(t, "p"); p.Pause == nil || p.Pause.By != "member" {
		t.Errorf("the pause is %+v", p.Pause)
	}
	b.Eventually(t, "the journal says who paused", host.Limit, func() bool {
		return len(b.journalSince(t, "MONITOR_EVENT=paused", "MONITOR_BY=member")) == 1
	})
	for _, args := range [][]string{{"resume", "p"}, {"status"}} {
		if out, status := b.commandAs(t, "stranger", args...); status != 1 || !strings.Contains(out, controlGroup) {
			t.Errorf("%v as a stranger: %d, %s", args, status, out)
		}
	}
	// The second lock, with the first one taken away.
	b.Must(t, "chmod", "666", controlSocket)
	if out, status := b.commandAs(t, "stranger", "resume", "p"); status != 1 || !strings.Contains(out, controlGroup) {
		t.Errorf("as a stranger at an open socket: %d, %s", status, out)
	}
	if p := b.status(t, "p"); p.Pause == nil {
		t.Error("a stranger ended the pause")
	}
	b.Eventually(t, "the journal says who was refused", host.Limit, func() bool {
		return len(b.journalSince(t, "MONITOR_EVENT=request_refused", "MONITOR_BY=stranger")) == 1
	})
}

func TestWithoutTheGroupTheSocketIsRootsAlone(t *testing.T) {
	b := newBed(t)
	b.start(t, baseConfig)
	if mode := b.Must(t, "stat", "--format=%a %U %G", controlSocket); mode != "660 root root" {
		t.Errorf("the socket is %s", mode)
	}
	if out, status := b.commandAs(t, "nobody", "status"); status != 1 || !strings.Contains(out, "groupadd --system "+controlGroup) {
		t.Errorf("%d, %s", status, out)
	}
}

func TestADaemonThatIsNotRunningIs3AndAStaleSocketIsNoTrouble(t *testing.T) {
	b := newBed(t)
	b.install(t, baseConfig+"[process.p]\n")
	for _, args := range [][]string{
		{"status"},
		{"history"},
		{"explain", "p"},
		{"restart", "p"},
		{"reset", "--all"},
		{"pause", "p"},
		{"resume", "p"},
		{"check-now"},
	} {
		b.wantCommand(t, 3, args, "not running", "systemctl start monitor_service")
	}
	b.Shell(t, `systemctl start `+daemonUnit+`
		mkdir -p /etc/systemd/system/`+daemonUnit+`.d
		printf '[Service]\nRestart=no\nRuntimeDirectoryPreserve=yes\n' >/etc/systemd/system/`+daemonUnit+`.d/probe.conf
		systemctl daemon-reload
		systemctl kill --signal=KILL `+daemonUnit)
	b.EventuallyIs(t, "the daemon", host.Limit, "failed", func() string { return b.Property(t, daemonUnit, "ActiveState") })
	b.Must(t, "test", "-S", controlSocket)
	b.wantCommand(t, 3, []string{"status"}, "not running")
	b.Must(t, "systemctl", "start", daemonUnit)
	b.wantCommand(t, 0, []string{"status"})

	// A second daemon is refused, and the first one goes on.
	if out, err := b.Run(t, programPath, "run"); err == nil || !strings.Contains(err.Error(), "another monitor_service") {
		t.Errorf("a second daemon: %q, %v", out, err)
	}
	b.wantCommand(t, 0, []string{"status"})
}

func TestUnknownNamesAndWrongUsageChangeNothing(t *testing.T) {
	b := newBed(t)
	b.start(t, baseConfig+"[process.nginx]\n")
	b.SQL(t, "INSERT INTO v_process_monitor.PROCESE VALUES (9, 'only-in-db');")
	for _, args := range [][]string{{"restart", "ngnix"}, {"pause", "ngnix"}, {"reset", "ngnix"}, {"status", "ngnix"}, {"history", "ngnix"}, {"explain", "ngnix"}, {"resume", "ngnix"}} {
		b.wantCommand(t, 1, args, `"ngnix"`, `did you mean "nginx"?`)
	}
	b.wantCommand(t, 1, []string{"pause", "only-in-bd"}, `did you mean "only-in-db"?`)
	b.wantCommand(t, 0, []string{"pause", "only-in-db"})
	for _, args := range [][]string{{"pause"}, {"pause", "a", "b"}, {"pause", "--all", "nginx"}, {"pause", "nginx", "--for", "-1h"}, {"pause", "nginx", "--for", "soon"}, {"pause", "nginx", "--for", "5"}, {"pause", "nginx", "--for", "99999h"}, {"pause", "nginx", "--reason", strings.Repeat("x", 501)}, {"history", "--limit", "99999"}, {"restart"}, {"status", "--jsn"}, {"frobnicate"}} {
		b.wantCommand(t, 2, args)
	}
	if p := b.status(t, "nginx"); p.Pause != nil {
		t.Errorf("a wrong command has paused it: %+v", p.Pause)
	}
	b.SQL(t, "RENAME TABLE v_process_monitor.PROCESE TO v_process_monitor.AWAY;")
	b.Eventually(t, "the database cannot be read", host.Limit, func() bool {
		out, _ := b.command(t, "status")
		return strings.Contains(out, "CANNOT BE READ")
	})
	b.wantCommand(t, 1, []string{"pause", "w@7"}, "cannot be asked")
	b.wantCommand(t, 0, []string{"pause", "nginx"})
	b.wantCommand(t, 1, []string{"check-now"}, "could not be polled")
	b.SQL(t, "RENAME TABLE v_process_monitor.AWAY TO v_process_monitor.PROCESE;")
}

func TestReloadMovesTheSocket(t *testing.T) {
	b := newBed(t)
	b.start(t, baseConfig)
	const other = "/run/monitor_service/other.sock"
	b.configure(t, baseConfig+"[control]\nsocket = "+other+"\n")
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Eventually(t, "the new socket", host.Limit, func() bool { _, s := b.command(t, "status"); return s == 0 })
	b.EventuallyIs(t, "the old socket", host.Limit, "3", func() string {
		_, s := b.command(t, "status", "--socket", controlSocket)
		return fmt.Sprint(s)
	})
	// A place that cannot be had is refused, and the old one stays.
	b.configure(t, baseConfig+"[control]\nsocket = /proc/x.sock\n")
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Eventually(t, "the mistake is told", host.Limit, func() bool { return strings.Contains(b.Get(t, logPath), "/proc/x.sock") })
	b.wantCommand(t, 0, []string{"status", "--socket", other})
	b.configure(t, baseConfig+"[control]\nsocket = none\n")
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.EventuallyIs(t, "no socket", host.Limit, "3", func() string {
		_, s := b.command(t, "status", "--socket", other)
		return fmt.Sprint(s)
	})
	b.wantCommand(t, 1, []string{"status"}, "socket = none")
}
