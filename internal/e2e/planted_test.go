//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

// victim is a file that nobody is to touch, and what it looks like.
const (
	victim     = "/etc/victim"
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
	id := 0
	for _, c := range []struct{ name, path, plant, says string }{
		{"a link at its path", "/srv/own/m.log", "ln -s " + victim + " /srv/own/m.log", "it is not a regular file"},
		{"a hard link at its path", "/etc/m.log", "ln " + victim + " /etc/m.log", "it has 2 names (hard links)"},
		{"a directory of somebody else", "/srv/eve/m.log", "", `"/srv/eve" does not belong to root`},
		{"a directory below it", "/srv/eve/d/m.log", "runuser -u eve -- ln -s /etc /srv/eve/d", `"/srv/eve" does not belong to root`},
		{"a directory that is not there, below it", "/srv/eve/l/new/m.log", "runuser -u eve -- ln -s /etc /srv/eve/l", `"/srv/eve" does not belong to root`},
		{"a directory of everybody", "/srv/open/m.log", "runuser -u eve -- ln -s " + victim + " /srv/open/m.log", `others can write to "/srv/open"`},
		{"a link in a directory such as /tmp", "/srv/tmp/m.log", "runuser -u eve -- ln -s " + victim + " /srv/tmp/m.log", "it is not a regular file"},
		{"a file in a directory such as /tmp", "/srv/tmp/f.log", "runuser -u eve -- touch /srv/tmp/f.log", ""},
		{"a pipe in a directory such as /tmp", "/srv/tmp/p.log", "runuser -u eve -- mkfifo /srv/tmp/p.log", "it is not a regular file"},
	} {
		b.Must(t, "sh", "-c", c.plant)
		b.start(t, baseConfig+"[logging]\nfile = "+c.path+"\n")
		b.Must(t, "systemctl", "restart", daemonUnit)
		id++
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
		if !strings.Contains(last, c.says) {
			t.Errorf("%s: it says %q, want %q", c.name, last, c.says)
		}
		b.wantVictimUntouched(t, c.name)
		b.Must(t, "rm", "-f", "/etc/m.log")
	}
	if made := b.Shell(t, "ls -d /etc/new /etc/m.log 2>/dev/null || true"); made != "" {
		t.Errorf("somebody else's link led to %s", made)
	}
}
