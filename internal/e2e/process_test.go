//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

// longName has more than the 15 characters that the kernel keeps of a name.
const longName = "a-process-with-a-long-name"

const longConfig = baseConfig + `[process.` + longName + `]
restart_strategy = process
start_command = /srv/` + longName + ` infinity
stop_timeout = 2
`

// pids lists the processes whose command line has this path.
func (b *bed) pids(t *testing.T, path string) []string {
	t.Helper()
	out, err := b.Run(t, "pgrep", "-f", "^"+path)
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}

func TestPlainProcessWithALongNameIsReplaced(t *testing.T) {
	b := newBed(t)
	b.process(t, "/srv/"+longName, "infinity")
	b.Eventually(t, "the process runs", host.Limit, func() bool { return len(b.pids(t, "/srv/"+longName)) == 1 })
	before := b.pids(t, "/srv/"+longName)[0]
	b.start(t, longConfig)
	b.raiseAlarm(t, 1, longName)
	b.awaitCleared(t, 1)
	if after := b.pids(t, "/srv/"+longName); len(after) != 1 || after[0] == before {
		t.Errorf("the process was %s, now there are %v", before, after)
	}
}

func TestDeadProcessIsStartedAndSurvivesTheDaemon(t *testing.T) {
	b := newBed(t)
	b.Must(t, "install", "-D", "/bin/sleep", "/srv/"+longName)
	b.start(t, longConfig)
	b.raiseAlarm(t, 1, longName)
	b.awaitCleared(t, 1)
	started := b.pids(t, "/srv/"+longName)
	if len(started) != 1 {
		t.Fatalf("processes %v run, want one", started)
	}
	b.Must(t, "systemctl", "restart", daemonUnit)
	if after := b.pids(t, "/srv/"+longName); len(after) != 1 || after[0] != started[0] {
		t.Errorf("process %s was started; after a restart of the daemon there are %v", started[0], after)
	}
	group := b.Get(t, "/proc/"+started[0]+"/cgroup")
	if strings.Contains(group, daemonUnit) || !strings.Contains(group, "monitored-") {
		t.Errorf("the process is in the control group %q", group)
	}
}

func TestWhatIsStartedDoesNotInheritTheSandbox(t *testing.T) {
	b := newBed(t)
	b.Put(t, "/srv/writer", "#!/bin/sh\ntouch /usr/written-by-the-process && grep CapBnd /proc/self/status > /srv/caps\nexec sleep infinity\n", 0o755)
	b.start(t, baseConfig+`[process.writer]
restart_strategy = process
start_command = /srv/writer
health_check_command = test -e /srv/caps
`)
	b.raiseAlarm(t, 1, "writer")
	b.awaitCleared(t, 1)
	b.Must(t, "rm", "/usr/written-by-the-process")
	pid1 := b.Must(t, "grep", "CapBnd", "/proc/1/status")
	if got := strings.TrimSpace(b.Get(t, "/srv/caps")); got != pid1 {
		t.Errorf("the process has %q, an ordinary service %q", got, pid1)
	}
}

func TestProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	b := newBed(t)
	b.Put(t, "/srv/stubborn", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n", 0o755)
	b.Must(t, "systemd-run", "--quiet", "--collect", "--", "/srv/stubborn")
	b.Eventually(t, "the process runs", host.Limit, func() bool { return len(b.pids(t, "/bin/sh /srv/stubborn")) == 1 })
	before := b.pids(t, "/bin/sh /srv/stubborn")[0]
	b.start(t, baseConfig+`[process.stubborn]
restart_strategy = process
start_command = /srv/stubborn
stop_timeout = 1
`)
	b.raiseAlarm(t, 1, "stubborn")
	b.awaitCleared(t, 1)
	if after := b.pids(t, "/bin/sh /srv/stubborn"); len(after) != 1 || after[0] == before {
		t.Errorf("the process was %s, now there are %v", before, after)
	}
}

func TestAutoStartsAProcessWhereThereIsNoUnit(t *testing.T) {
	b := newBed(t)
	b.Put(t, "/usr/local/bin/plain-program", "#!/bin/sh\nexec sleep infinity\n", 0o755)
	t.Cleanup(func() { b.Must(t, "rm", "-f", "/usr/local/bin/plain-program") })
	b.start(t, baseConfig+"[process.plain-program]\nhealth_check_command = pgrep -x sleep\n")
	b.raiseAlarm(t, 1, "plain-program")
	b.awaitCleared(t, 1)
	if entry := b.journalSince(t, "MONITOR_PROCESS=plain-program", "MONITOR_EVENT=recovery_started")[0]; entry["MONITOR_STRATEGY"] != "process" {
		t.Errorf("auto chose %v where there is no unit", entry["MONITOR_STRATEGY"])
	}
}

func TestAutoRestartsTheUnitThatAProcessRunsIn(t *testing.T) {
	for name, start := range map[string]string{
		"as its main process": "/usr/local/bin/realdaemon",
		"wrapped in a script": "/bin/sh -c '/usr/local/bin/realdaemon; exit 1'",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			// A shell finds it by its name, so that a second one could run.
			b.Put(t, "/usr/local/bin/realdaemon", "#!/bin/sh\nwhile :; do sleep 1; done\n", 0o755)
			t.Cleanup(func() { b.Must(t, "rm", "-f", "/usr/local/bin/realdaemon") })
			b.unit(t, "wrapper.service", "[Service]\nExecStart="+start+"\nRestart=always\n")
			b.Must(t, "systemctl", "start", "wrapper.service")
			b.Eventually(t, "the process runs", host.Limit, func() bool { return len(b.pids(t, "/bin/sh /usr/local/bin/realdaemon")) == 1 })
			before, invocation := b.pids(t, "/bin/sh /usr/local/bin/realdaemon")[0], b.invocation(t, "wrapper.service")

			b.start(t, baseConfig)
			b.raiseAlarm(t, 1, "realdaemon")
			b.awaitCleared(t, 1)
			// What systemd starts again it starts within RestartSec, 100 ms
			// where it is not set; it has counted it by then.
			b.awaitPolls(t, 3)
			after := b.pids(t, "/bin/sh /usr/local/bin/realdaemon")
			if len(after) != 1 || after[0] == before {
				t.Fatalf("process %s ran before, %v run now, want another one", before, after)
			}
			if group := b.Get(t, "/proc/"+after[0]+"/cgroup"); !strings.Contains(group, "/wrapper.service") {
				t.Errorf("the process is in the control group %q", group)
			}
			if now := b.invocation(t, "wrapper.service"); now == "" || now == invocation {
				t.Errorf("the unit's InvocationID was %q and is %q, want another one", invocation, now)
			}
			if n := b.Property(t, "wrapper.service", "NRestarts"); n != "0" {
				t.Errorf("systemd has started the unit %s times by itself", n)
			}
		})
	}
}

func TestProcessOfACronJobIsLeftAlone(t *testing.T) {
	b := newBed(t)
	b.Must(t, "install", "-D", "/bin/sleep", "/srv/realdaemon")
	b.unit(t, "jobs.service", "[Service]\nExecStart=/bin/sh -c '/srv/realdaemon infinity & sleep infinity'\nKillMode=process\n")
	b.Must(t, "systemctl", "start", "jobs.service")
	b.Eventually(t, "the process runs", host.Limit, func() bool { return len(b.pids(t, "/srv/realdaemon")) == 1 })
	before := b.pids(t, "/srv/realdaemon")[0]
	b.start(t, baseConfig)
	b.raiseAlarm(t, 1, "realdaemon")
	b.Eventually(t, "the refusal is told", host.Limit, func() bool { return b.events(t, "realdaemon", "not_acting") > 0 })
	entry := b.journalSince(t, "MONITOR_PROCESS=realdaemon", "MONITOR_EVENT=not_acting")[0]
	if entry["MONITOR_REASON"] != "foreign_unit" || !strings.Contains(fmt.Sprint(entry["MESSAGE"]), "jobs.service") {
		t.Errorf("the refusal is told as %v, %v", entry["MONITOR_REASON"], entry["MESSAGE"])
	}
	if after := b.pids(t, "/srv/realdaemon"); len(after) != 1 || after[0] != before {
		t.Errorf("process %s ran before, %v run now", before, after)
	}
}

func TestCommandThatCannotStartIsAFailure(t *testing.T) {
	b := newBed(t)
	b.start(t, baseConfig+`[process.default]
max_attempts = 1
restart_strategy = process
[process.missing]
start_command = /srv/not-there
[process.falls]
start_command = sh -c 'echo my last words; exit 3'
`)
	b.raiseAlarms(t, map[int]string{1: "missing", 2: "falls"})
	for name, want := range map[string]string{"missing": "not-there", "falls": "my last words"} {
		b.Eventually(t, name+" fails", host.Limit, func() bool { return b.events(t, name, "recovery_failed") > 0 })
		entry := b.journalSince(t, "MONITOR_PROCESS="+name, "MONITOR_EVENT=recovery_failed")[0]
		if text := fmt.Sprint(entry["MONITOR_ERROR"]); !strings.Contains(text, want) {
			t.Errorf("the error of %s is %q, want %q in it", name, text, want)
		}
	}
	if n := b.SQL(t, "SELECT COUNT(*) FROM v_process_monitor.STATUS_PROCESS WHERE alarma = 1;"); n != "2" {
		t.Errorf("%s alarms stand, want 2", n)
	}
}

func TestOutputOfWhatIsStartedIsInTheJournalUnderItsName(t *testing.T) {
	b := newBed(t)
	b.Put(t, "/srv/talker", "#!/bin/sh\necho hello from the talker\nexec sleep infinity\n", 0o755)
	b.start(t, baseConfig+"[process.talker]\nrestart_strategy = process\nstart_command = /srv/talker\nhealth_check_command = true\n")
	b.raiseAlarm(t, 1, "talker")
	b.awaitCleared(t, 1)
	entries := b.journalSince(t, "SYSLOG_IDENTIFIER=talker", "_TRANSPORT=stdout")
	if len(entries) != 1 || entries[0]["MESSAGE"] != "hello from the talker" {
		t.Errorf("the journal has %v under the process's name", entries)
	}
}
