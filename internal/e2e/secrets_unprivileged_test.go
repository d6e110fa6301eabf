//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestThePasswordOfTheUnprivilegedDaemonIsNowhereButWhereItWasPut takes the
// place that is told of least well: the environment, which the commands, of
// the same user, could read and do not inherit.
func TestThePasswordOfTheUnprivilegedDaemonIsNowhereButWhereItWasPut(t *testing.T) {
	b := unprivileged(t)
	b.Must(t, "systemctl", "stop", daemonUnit)
	b.Put(t, canaryFile, canary, 0o600)
	b.SQL(t, "ALTER USER monitor@localhost IDENTIFIED BY '"+canary+"';")
	config := strings.Replace(secretConfig, "$PASSWORD", "", 1)
	b.edit(t, config)
	b.Shell(t, `install -D -m 0600 /dev/null /etc/sysconfig/monitor_service
		printf 'MONITOR_SERVICE_DATABASE_PASSWORD=%s\n' "$(cat `+canaryFile+`)" >/etc/sysconfig/monitor_service`)
	b.Must(t, "systemctl", "start", daemonUnit)
	b.useThePassword(t, config)
	b.searchForTheCanary(t, []string{"/etc/sysconfig/monitor_service", "/proc/DAEMON/environ"}, "")
	// What the README says of it.
	pid := b.Property(t, daemonUnit, "MainPID")
	if out, err := b.Run(t, "runuser", "--user", "monitor_service", "--", "grep", "-q", canary, "/proc/"+pid+"/environ"); err != nil {
		t.Errorf("the daemon's user cannot read it, which the README says: %v %s", err, out)
	}
	if _, err := b.Run(t, "runuser", "--user", "nobody", "--", "cat", "/proc/"+pid+"/environ"); err == nil {
		t.Error("any user can read it")
	}
}
