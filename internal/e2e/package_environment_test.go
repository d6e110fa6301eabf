//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestThePackageChecksTheConfigurationWithWhatTheUnitAdds has a setup in which
// config.ini alone is a mistake twice: a user comes from the unit's
// EnvironmentFile and a password is a credential.
func TestThePackageChecksTheConfigurationWithWhatTheUnitAdds(t *testing.T) {
	b := ownBed(t)
	deb := b.upload(t, firstRelease(t), "_amd64.deb")
	b.Must(t, "dpkg", "--install", deb)
	b.edit(t, strings.Replace(baseConfig, "user = monitor\n", "", 1)+`[notify]
email_to = ops@example.com
smtp_host = 127.0.0.1
smtp_user = mailer
`)
	b.Shell(t, `
		mkdir -p /etc/sysconfig /etc/systemd/system/`+daemonUnit+`.d
		echo 'MONITOR_SERVICE_DATABASE_USER="monitor"' >/etc/sysconfig/monitor_service
		(umask 077 && echo secret >/etc/monitor_service/mail)
		printf '[Service]\nLoadCredential=smtp_password:/etc/monitor_service/mail\n' >/etc/systemd/system/`+daemonUnit+`.d/mail.conf
		systemctl daemon-reload
	`)
	b.Must(t, "systemctl", "enable", "--now", daemonUnit)
	if out, err := b.Run(t, "monitor_service", "check-config"); err == nil {
		t.Fatalf("config.ini alone is no mistake, so that this test shows nothing:\n%s", out)
	}

	run := b.invocation(t, daemonUnit)
	b.Must(t, "dpkg", "--install", deb) // to dpkg an upgrade as any other
	b.wantState(t, "after its upgrade", "enabled active")
	if b.invocation(t, daemonUnit) == run {
		t.Error("the upgrade left the program of before running, for a mistake that the unit does not have")
	}

	// A mistake in what the unit adds is one.
	run = b.invocation(t, daemonUnit)
	b.Shell(t, "echo MONITOR_SERVICE_MONITOR_CHECK_INTERVAL=never >>/etc/sysconfig/monitor_service")
	b.Must(t, "dpkg", "--install", deb)
	if b.Property(t, daemonUnit, "ActiveState") != "active" || b.invocation(t, daemonUnit) != run {
		t.Error("the daemon was restarted into an environment that it refuses")
	}
}
