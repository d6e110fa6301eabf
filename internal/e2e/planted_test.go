//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

// victim is a file that nobody is to touch, and what it looks like.
const (
	victim     = "/srv/victim"
	victimMark = "600 root root untouched"
)

// newVictim makes the file, and the user eve with a directory of her own.
func (b *bed) newVictim(t *testing.T) {
	t.Helper()
	b.Shell(t, `
		useradd --no-create-home eve
		install -m 0600 /dev/null `+victim+` && printf untouched >`+victim+`
		install -d -o eve -g eve /srv/eve && install -d -m 1777 /srv/tmp && install -d -m 0777 /srv/open && install -d /srv/own`)
	t.Cleanup(func() { b.Shell(t, "userdel eve; rm -rf "+victim+" /run/monitor_service") })
}

func (b *bed) wantVictimUntouched(t *testing.T, by string) {
	t.Helper()
	got := b.Shell(t, "stat --format='%a %U %G' "+victim+" | tr '\\n' ' '; cat "+victim)
	if got != victimMark {
		t.Errorf("%s: the victim is %q", by, got)
	}
}

// TestALogIsNotLedElsewhere has somebody own the place of the log, or plant
// links in it: the daemon works on, and the journal says why there is no file.
func TestALogIsNotLedElsewhere(t *testing.T) {
	b := newBed(t)
	b.newVictim(t)
	worker := b.workers(t, "1")[0]
	b.install(t, baseConfig)
	// What is said where the kernel protects nobody in a directory such as
	// /tmp (fs.protected_symlinks, proc_sys_fs(5)).
	const unprotected = `|others can write to its directory "/srv/tmp"`
	for id, c := range []struct{ name, path, plant, says string }{
		{"a link at its path", "/srv/own/m.log", "ln -s " + victim + " /srv/own/m.log", "it is not a regular file"},
		{"a hard link at its path", "/srv/own/h.log", "ln " + victim + " /srv/own/h.log", "it has 2 names (hard links)"},
		{"a directory of somebody else", "/srv/eve/m.log", "", `"/srv/eve" does not belong to root`},
		{"a directory below it", "/srv/eve/d/m.log", "runuser -u eve -- ln -s /etc /srv/eve/d", `"/srv/eve" does not belong to root`},
		{"a directory that is not there, below it", "/srv/eve/l/new/m.log", "runuser -u eve -- ln -s /etc /srv/eve/l", `"/srv/eve" does not belong to root`},
		{"a directory of everybody", "/srv/open/m.log", "runuser -u eve -- ln -s " + victim + " /srv/open/m.log", `others can write to "/srv/open"`},
		{"a link in a directory such as /tmp", "/srv/tmp/m.log", "runuser -u eve -- ln -s " + victim + " /srv/tmp/m.log", "it is not a regular file" + unprotected},
		{"a file in a directory such as /tmp", "/srv/tmp/f.log", "runuser -u eve -- touch /srv/tmp/f.log", "it belongs to user" + unprotected},
		{"a pipe in a directory such as /tmp", "/srv/tmp/p.log", "runuser -u eve -- mkfifo /srv/tmp/p.log", "it is not a regular file" + unprotected},
	} {
		b.Must(t, "sh", "-c", c.plant)
		b.configure(t, baseConfig+"[logging]\nfile = "+c.path+"\n")
		// A daemon that cannot write its log waits for that when it stops.
		b.Shell(t, "systemctl kill --signal=KILL "+daemonUnit+" || true; systemctl restart "+daemonUnit)
		b.raiseAlarm(t, id, worker)
		b.awaitCleared(t, id)
		var last string
		b.Eventually(t, c.name+" is said", host.Limit, func() bool {
			for _, e := range b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "_PID="+b.Property(t, daemonUnit, "MainPID"), "MONITOR_FILE="+c.path) {
				last = fmt.Sprint(e["MONITOR_ERROR"])
			}
			return last != ""
		})
		t.Logf("%s: %s", c.name, last)
		if !containsOne(last, c.says) {
			t.Errorf("%s: it says %q, want %q", c.name, last, c.says)
		}
		b.wantVictimUntouched(t, c.name)
		b.Must(t, "rm", "-f", "/srv/own/h.log")
	}
	if made := b.Shell(t, "ls -d /etc/new /etc/m.log 2>/dev/null || true"); made != "" {
		t.Errorf("somebody else's link led to %s", made)
	}
}

// containsOne says whether the text contains one of several, with | between
// them.
func containsOne(text, one string) bool {
	return slices.ContainsFunc(strings.Split(one, "|"), func(s string) bool { return strings.Contains(text, s) })
}

// TestStateAndLocksAreNotLedElsewhere plants links at every name that the
// daemon uses in its own directories, and then gives these directories away.
func TestStateAndLocksAreNotLedElsewhere(t *testing.T) {
	b := newBed(t)
	b.newVictim(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig+"[process."+worker+"]\n")
	b.wantCommand(t, 0, []string{"pause", worker})
	b.wantCommand(t, 0, []string{"restart", worker, "--force"})
	files := strings.Fields(b.Shell(t, "find /var/lib/monitor_service /run/monitor_service -type f"))
	b.Must(t, "systemctl", "stop", daemonUnit)
	for _, want := range []string{"lock", "pauses.json", "history.jsonl", "control.sock.lock", "database-"} {
		if !strings.Contains(strings.Join(files, "\n"), "/"+want) {
			t.Errorf("no file %s among %q", want, files)
		}
	}
	files = append(files, "/var/lib/monitor_service/pauses.json.new", "/var/lib/monitor_service/history.jsonl.new",
		"/var/lib/monitor_service/pauses.json.damaged", "/var/lib/monitor_service/recoveries/x.json")
	link := "install -d /run/monitor_service /var/lib/monitor_service/recoveries\n"
	for _, f := range files {
		link += "ln -sfn " + victim + " " + f + "\n"
	}
	b.Shell(t, link)
	// By hand, so that systemd does not make the directories anew.
	b.raiseAlarm(t, 1, worker)
	b.refused(t, 1, "a link at the lock of the database", "too many levels of symbolic links", "run", "--once")
	b.Shell(t, "rm /run/monitor_service/database-*")
	b.refused(t, 0, "a link at the lock of the state", `/var/lib/monitor_service": too many levels of symbolic links`, "run", "--once")
	b.wantVictimUntouched(t, "links at the locks")
	b.Shell(t, "rm -f /run/monitor_service/*.lock /var/lib/monitor_service/lock")
	b.raiseAlarm(t, 1, worker)
	b.refused(t, 0, "links at the files of the state", `cannot read "/var/lib/monitor_service/pauses.json": too many levels of symbolic links`, "run", "--once")
	b.wantVictimUntouched(t, "links at all files")
	if got := b.alarmState(t, 1).alarma; got != "0" {
		t.Errorf("the alarm is not answered: alarma is %s", got)
	}

	for _, c := range []struct{ name, do, says string }{
		{"a state directory of everybody", "rm -rf /var/lib/monitor_service; install -d -m 0777 /var/lib/monitor_service", `others can write to "/var/lib/monitor_service"`},
		{"a state directory of somebody", "chown eve /var/lib/monitor_service; chmod 750 /var/lib/monitor_service", `"/var/lib/monitor_service" does not belong to root`},
		{"a link to it", "rm -rf /var/lib/monitor_service; ln -s /srv/eve /var/lib/monitor_service", `"/srv/eve" does not belong to root`},
	} {
		b.Shell(t, c.do)
		b.raiseAlarm(t, 1, worker)
		out := b.refused(t, 0, c.name, c.says, "run", "--once")
		if got := b.alarmState(t, 1).alarma; got != "0" || !strings.Contains(out, "Pauses and the history of recoveries end with this daemon") {
			t.Errorf("%s: alarma is %s\n%s", c.name, got, out)
		}
	}
	b.Must(t, "rm", "-rf", "/var/lib/monitor_service", "/run/monitor_service")
	for _, c := range []struct{ name, do, says string }{
		{"a runtime directory of everybody", "install -d -m 0777 /run/monitor_service", `others can write to "/run/monitor_service"`},
		{"a link to somebody's", "rm -rf /run/monitor_service; ln -s /srv/eve /run/monitor_service", `"/srv/eve" does not belong to root`},
	} {
		b.Shell(t, c.do)
		b.refused(t, 1, c.name, c.says, "run", "--once")
	}
	if made := b.Must(t, "find", "/srv/eve", "/srv/open", "-mindepth", "1"); made != "" {
		t.Errorf("in somebody else's directory there are now %s", made)
	}
	// systemd makes nothing of a link in the place of a directory either.
	if out, err := b.Run(t, "systemctl", "start", daemonUnit); err == nil {
		t.Errorf("with a link in the place of its runtime directory the unit starts: %s", out)
	}
	b.wantVictimUntouched(t, "directories of others")
}

// refused runs a command that has to end with a status and say why. What was
// said is logged, as the list of refusals.
func (b *bed) refused(t *testing.T, status int, what, says string, args ...string) string {
	t.Helper()
	out, got := b.command(t, args...)
	out = strings.ReplaceAll(out, `\"`, `"`) // in a line of the log
	shown := out
	for line := range strings.Lines(out) {
		if strings.Contains(line, says) {
			shown = strings.TrimSpace(line)
		}
	}
	t.Logf("%s: status %d: %s", what, got, shown)
	if got != status || !strings.Contains(out, says) {
		t.Errorf("%s: status %d, want %d and %q:\n%s", what, got, status, says, out)
	}
	return out
}

// TestAConfigurationThatOthersCanWriteIsRefused at the start, where the daemon
// does not loop on it, and at a reload, which leaves the old one in force.
func TestAConfigurationThatOthersCanWriteIsRefused(t *testing.T) {
	b := newBed(t)
	b.newVictim(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig)
	id := 0
	for _, c := range []struct{ name, do, undo, says string }{
		{"its mode", "chmod 666 " + configPath, "chmod 640 " + configPath, "every user can write \"" + configPath + "\""},
		{"its group", "chgrp eve $F; chmod 660 $F", "chgrp root $F; chmod 640 $F", "can write \"" + configPath + "\" and so change what runs as root"},
		{"its owner", "chown eve $F", "chown root $F", "belongs to user"},
		{"its directory", "chmod 777 ${F%/*}", "chmod 755 ${F%/*}", "every user can write \"/etc/monitor_service\""},
		{"a link to somebody's", "cp -p $F /srv/eve/c.ini; mv $F $F.mine; ln -s /srv/eve/c.ini $F", "mv $F.mine $F", "\"/srv/eve\" belongs to user"},
		{"somebody's link", "mv $F $F.mine; ln -s $F.mine $F; chown -h eve $F", "mv $F.mine $F", "the link \"" + configPath + "\" belongs to user"},
		{"a directory that is a link", "mv ${F%/*} /srv/open/d; ln -s /srv/open/d ${F%/*}", "rm ${F%/*}; mv /srv/open/d ${F%/*}", "every user can write \"/srv/open\""},
	} {
		set := "F=" + configPath + "; "
		b.Shell(t, set+c.do)
		b.refused(t, 78, "config.ini, "+c.name, c.says, "check-config")
		b.Must(t, "systemctl", "reload", daemonUnit)
		b.Eventually(t, c.name+" is refused by a reload", host.Limit, func() bool {
			log := b.Get(t, logPath)
			return strings.Count(log, "the old one stays") == id+1
		})
		if id++; id == 1 {
			b.raiseAlarm(t, id, worker)
			b.awaitCleared(t, id)
			if _, err := b.Run(t, "systemctl", "restart", daemonUnit); err == nil || b.Property(t, daemonUnit, "ExecMainStatus") != "78" || b.Property(t, daemonUnit, "NRestarts") != "0" {
				t.Errorf("%s: a start ends with %s", c.name, b.Property(t, daemonUnit, "ExecMainStatus"))
			}
		}
		b.Shell(t, set+c.undo)
		b.Must(t, "systemctl", "reload-or-restart", daemonUnit)
	}
}
