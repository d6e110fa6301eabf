//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/testenv/host"
)

// maxExposure is what systemd-analyze security gives to the unit file, out of
// 10. The rest is the root, the network and the view of all processes that
// restarting other services takes.
const maxExposure = 3.1

func TestSystemdHasNothingToSayAgainstTheUnitFile(t *testing.T) {
	b := newBed(t)
	b.install(t, baseConfig)
	out, err := b.Run(t, "sh", "-c", "systemd-analyze verify /etc/systemd/system/"+daemonUnit+" 2>&1")
	if err != nil || out != "" {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestTheUnitIsNoMoreExposedThanItMustBe(t *testing.T) {
	b := newBed(t)
	b.install(t, baseConfig)
	out := b.Must(t, "systemd-analyze", "security", "--no-pager", daemonUnit)
	level := exposure(t, out)
	t.Logf("exposure level %.1f", level)
	if level > maxExposure {
		t.Errorf("exposure level %.1f, want at most %.1f:\n%s", level, maxExposure, out)
	}
}

func TestTheSandboxLeavesTheDaemonWhatItNeeds(t *testing.T) {
	b := newBed(t)
	b.workers(t, "1")
	probe := sandbox(t, b)
	for _, c := range []struct{ name, script string }{
		{"a unit is restarted over D-Bus", `
			was=$(systemctl show --value -p InvocationID w@1.service)
			busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
				RestartUnit ss w@1.service replace
			until [ "$(systemctl show --value -p InvocationID w@1.service)" != "$was" ]; do sleep 0.05; done`},
		{"a transient unit runs outside the sandbox", `
			systemd-run --quiet --wait --pipe --collect sh -c 'touch /usr/probe && rm /usr/probe'`},
		{"the executable of another account's process is seen", `
			test "$(readlink /proc/$(pgrep -x mariadbd)/exe)" = /usr/sbin/mariadbd`},
		{"another account's process is signalled", `kill -0 "$(pgrep -x mariadbd)"`},
		{"a server is reached over the network", `
			curl --silent --http0.9 --max-time 10 http://127.0.0.1:3306/ | grep -aqi mariadb`},
		{"a UNIX socket of another service is used", `test "$(mariadb -N -e 'SELECT 1')" = 1`},
		{"logs and databases are wherever config.ini says", `
			for d in /var/lib /var/log /run /srv /opt /home /root /tmp /var/tmp /dev/shm; do
				echo x >$d/probe; rm $d/probe
			done
			install -o mysql -m 0600 /dev/null /srv/probe && echo x >>/srv/probe && chmod 0640 /srv/probe`},
		{"the journal is read", `journalctl --sync && journalctl --quiet --lines=1 | grep -q .`},
		{"users are looked up", `getent passwd mysql`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := probe(t, c.script); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("tmp is everybody's", func(t *testing.T) {
		b.Put(t, "/tmp/from-outside", "", 0o644)
		if err := probe(t, "test -e /tmp/from-outside && rm /tmp/from-outside"); err != nil {
			t.Error(err)
		}
	})
}

// TestCommandsInheritNothingOfTheSandbox runs each probe as a command of
// config.ini, in all places that there are for one, and as a plain service for
// comparison.
func TestCommandsInheritNothingOfTheSandbox(t *testing.T) {
	b := newBed(t)
	b.Put(t, "/srv/probe.sh", `#!/bin/sh
# What runs in a unit of its own has a control group and an invocation of its
# own. All else is the host's.
{
	grep -e NoNewPrivs -e Seccomp: -e ^Cap /proc/self/status
	readlink /proc/self/ns/mnt /proc/self/ns/net
	umask
	touch /usr/bin/probe && rm /usr/bin/probe && echo programs are written
	mount -t tmpfs none /mnt && umount /mnt && echo file systems are mounted
	install -m 4755 /bin/true /srv/suid && rm /srv/suid && echo set-user-ID files are made
	su mysql -s /bin/sh -c 'id -un'
	runuser -u nobody -- id -un
	nice -n -5 nice
	cat /proc/self/oom_score_adj
} >/srv/probed-"$1" 2>&1
`, 0o755)
	b.Must(t, "systemd-run", "--quiet", "--wait", "--collect", "/srv/probe.sh", "host")
	b.start(t, baseConfig+`[notify]
command = /srv/probe.sh notify
command_events = recovery_failed
group_wait = 100ms

[process.probed]
restart_strategy = custom
pre_restart_command = /srv/probe.sh pre_restart
restart_command = /srv/probe.sh restart
health_check_command = /srv/probe.sh health_check

[process.failing]
restart_strategy = custom
restart_command = false
max_attempts = 1
`)
	b.raiseAlarms(t, map[int]string{1: "probed", 2: "failing"})
	b.awaitCleared(t, 1)
	b.Eventually(t, "the notification's command has run", host.Limit, func() bool {
		_, err := b.Run(t, "test", "-s", "/srv/probed-notify")
		return err == nil
	})
	b.Must(t, "systemctl", "stop", daemonUnit)
	want := b.Get(t, "/srv/probed-host")
	for _, sign := range []string{"NoNewPrivs:\t0", "programs are written", "file systems are mounted", "mysql\nnobody\n"} {
		if !strings.Contains(want, sign) {
			t.Errorf("root on the host misses %q:\n%s", sign, want)
		}
	}
	for _, command := range []string{"pre_restart", "restart", "health_check", "notify"} {
		if diff := cmp.Diff(want, b.Get(t, "/srv/probed-"+command)); diff != "" {
			t.Errorf("%s: -host +command:\n%s", command, diff)
		}
	}
}

// Each of these is something that root may do on the host: else it would show
// nothing to see it refused.
func TestTheSandboxKeepsTheSystemOutOfReach(t *testing.T) {
	b := newBed(t)
	probe := sandbox(t, b)
	for _, c := range []struct{ name, script string }{
		{"programs", "touch /usr/bin/probe && rm /usr/bin/probe"},
		{"the system's configuration", "touch /etc/probe && rm /etc/probe"},
		{"mounts", "mount -t tmpfs none /mnt && umount /mnt"},
		{"namespaces", "unshare --net true"},
		{"control groups", "mkdir /sys/fs/cgroup/probe && rmdir /sys/fs/cgroup/probe"},
		{"the host's name", "hostname probe && hostname " + b.Name()},
		{"set-user-ID files", "install -m 4755 /bin/true /srv/probe && test -u /srv/probe"},
		{"network devices", "ip link set dev lo down && ip link set dev lo up"},
		{"other accounts", "su mysql -s /bin/sh -c true"},
		{"priorities", "nice -n -5 true 2>&1 | grep . && exit 1 || true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := b.Run(t, "sh", "-ec", c.script); err != nil {
				t.Fatalf("root may not do it on the host either: %v", err)
			}
			if err := probe(t, c.script); err == nil {
				t.Error("it can be done in the sandbox")
			}
		})
	}
}

// sandbox returns a function that runs a script in the daemon's place, under
// its unit file, and says how it ended.
func sandbox(t *testing.T, b *bed) func(t *testing.T, script string) error {
	t.Helper()
	b.install(t, baseConfig)
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/probe.conf", `[Service]
Type=oneshot
Restart=no
WatchdogSec=0
ExecStart=
ExecStart=/bin/sh -eux /srv/probe.sh
`, 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	return func(t *testing.T, script string) error {
		t.Helper()
		b.Put(t, "/srv/probe.sh", script, 0o644)
		_, err := b.Run(t, "systemctl", "start", daemonUnit)
		if err == nil {
			return nil
		}
		b.Must(t, "journalctl", "--sync")
		return fmt.Errorf("%w\n%s", err, b.Must(t, "journalctl", "--no-pager", "--lines=10", "--unit="+daemonUnit))
	}
}

func TestACrashedDaemonComesBackHoweverOften(t *testing.T) {
	b := newBed(t)
	b.install(t, baseConfig)
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/probe.conf", "[Service]\nRestartSec=0\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	// More often than the five times in ten seconds after which systemd gives
	// up by default.
	for range 8 {
		before := b.invocation(t, daemonUnit)
		b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=ABRT", daemonUnit)
		b.Eventually(t, "the daemon is back", host.Limit, func() bool {
			return b.invocation(t, daemonUnit) != before && b.Property(t, daemonUnit, "ActiveState") == "active"
		})
	}
}
