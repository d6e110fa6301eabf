//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

// bashDaemonConfig is a configuration of the bash daemon as its documentation has it.
const bashDaemonConfig = `[database]
host = localhost
user = monitor
password = secret
database = v_process_monitor

[monitor]
check_interval = 1          # Check interval in seconds
max_restart_failures = 3    # Maximum restart attempts before circuit breaker opens

[logging]
max_log_size = 5120         # Maximum log file size in KB before rotation (5MB)
`

// bashUnit is where the bash daemon's documentation has its unit file put.
const bashUnit = "/etc/systemd/system/" + daemonUnit

// bashDaemon reads its configuration, has started a process that is to go on,
// with a name that is trying, and sleeps between two polls: bash answers a
// signal only after that.
const bashDaemon = `#!/bin/bash
grep -q password /opt/monitor_service/config.ini || exit 1
trap 'exit 0' TERM
$'/opt/kept \\c\e[31m' infinity &
while true; do sleep 1000; done
`

// installBashDaemon puts something there that runs where the bash daemon does.
func (b *bed) installBashDaemon(t *testing.T, config string) {
	t.Helper()
	b.Put(t, "/opt/monitor_service/monitor_service.sh", bashDaemon, 0o755)
	b.Shell(t, `cp /bin/sleep "$(printf '/opt/kept \\c\033[31m')"`)
	b.Put(t, "/opt/monitor_service/config.ini", config, 0o644)
	b.Put(t, bashUnit, `[Unit]
Description=Process Monitor Service
[Service]
ExecStart=/opt/monitor_service/monitor_service.sh
Restart=always
[Install]
WantedBy=multi-user.target
`, 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "enable", "--now", daemonUnit)
}

// upgradeBesideBashDaemon upgrades the package, and installs it once more after
// its removal, while the unit of its name is the bash daemon's.
func (b *bed) upgradeBesideBashDaemon(t *testing.T, deb string) {
	t.Helper()
	run := b.invocation(t, daemonUnit)
	for _, script := range []string{"dpkg --install " + deb, "dpkg --remove " + packageName + " && dpkg --install " + deb} {
		if out := b.Shell(t, "("+script+") 2>&1"); !strings.Contains(out, "it hides the unit file of this package") ||
			!strings.Contains(out, "mv "+bashUnit+" ") {
			t.Errorf("%s does not say what hides the unit, and how to replace it:\n%s", script, out)
		}
		b.wantState(t, "after "+script, "enabled active")
		b.wantUnitFile(t, bashUnit)
		if b.invocation(t, daemonUnit) != run {
			t.Errorf("%s restarted the bash daemon", script)
		}
	}
}

// removeBesideBashDaemon takes the package away while the unit of its name is
// the bash daemon's, which has to go on and to keep its log.
func (b *bed) removeBesideBashDaemon(t *testing.T) {
	t.Helper()
	const rotated = "/var/log/monitor_service-2026-01-01.log"
	b.Shell(t, "echo bash >>"+logPath+"; echo bash >"+rotated+
		"; mkdir -p /etc/sysconfig; echo BASH=bash >/etc/sysconfig/monitor_service")
	run := b.invocation(t, daemonUnit)
	for _, how := range []string{"--remove", "--purge"} {
		b.Must(t, "dpkg", how, packageName)
		b.wantState(t, "after dpkg "+how, "enabled active")
		b.wantUnitFile(t, bashUnit)
		if b.invocation(t, daemonUnit) != run {
			t.Errorf("dpkg %s stopped the bash daemon", how)
		}
		b.Must(t, "grep", "-q", "bash", logPath, rotated, "/etc/sysconfig/monitor_service")
	}
	b.Must(t, "test", "!", "-e", "/etc/monitor_service")
}

func TestABashInstallationIsReplacedAndCanComeBack(t *testing.T) {
	b := ownBed(t)
	deb := b.upload(t, firstRelease(t), "_amd64.deb")
	worker := b.workers(t, "1")[0]
	b.installBashDaemon(t, bashDaemonConfig)

	var kept string
	b.Eventually(t, "the bash daemon has started a process", host.Limit, func() bool {
		kept, _ = b.Run(t, "pgrep", "^kept")
		return kept != ""
	})
	kept = strings.TrimSpace(kept)

	out := b.Shell(t, "dpkg --install "+deb+" 2>&1")
	if want := "process " + kept + ` (kept \c[31m), which the bash daemon had started, goes on in`; !strings.Contains(out, want) {
		t.Errorf("the installation does not say %q:\n%s", want, out)
	}
	// It outlives this daemon's restart, too.
	b.Must(t, "systemctl", "restart", daemonUnit)
	if got := b.Must(t, "pgrep", "^kept"); got != kept {
		t.Errorf("the process that the bash daemon had started was %s and is %q", kept, got)
	}
	if out, _ := b.Run(t, "pgrep", "--full", "monitor_service[.]sh"); out != "" {
		t.Errorf("the bash daemon runs still: %s", out)
	}
	b.wantState(t, "in the bash daemon's place", "enabled active")
	b.wantUnitFile(t, packageUnit)
	if b.Get(t, configPath) != bashDaemonConfig || b.owner(t, configPath) != "640 root:monitor_service" {
		t.Errorf("the bash daemon's configuration is not in %s, or not kept from others", configPath)
	}
	b.Must(t, "test", "-e", "/etc/systemd/system/multi-user.target.wants/"+daemonUnit) // no link to what is gone
	b.awaitRecovery(t, 1, worker)

	// The way back, as the README has it.
	b.Shell(t, `
		systemctl disable --now monitor_service
		mv /opt/monitor_service/monitor_service.service.bash /etc/systemd/system/monitor_service.service
		systemctl daemon-reload
		systemctl enable --now monitor_service
	`)
	b.wantState(t, "after the way back", "enabled active")
	b.wantUnitFile(t, bashUnit)
	if got := b.owner(t, "/opt/monitor_service/config.ini"); got != "640 root:root" {
		t.Errorf("others can read the password in the bash daemon's configuration: %s", got)
	}
	if b.Get(t, "/opt/monitor_service/config.ini") != bashDaemonConfig {
		t.Error("the bash daemon's own configuration was changed")
	}
	b.upgradeBesideBashDaemon(t, deb)
	b.removeBesideBashDaemon(t)
}

func TestABashDaemonGoesOnWhileItsConfigurationHasMistakes(t *testing.T) {
	b := ownBed(t)
	deb := b.upload(t, firstRelease(t), "_amd64.deb")
	b.installBashDaemon(t, bashDaemonConfig+"log_files_to_keep = many\n")
	run := b.invocation(t, daemonUnit)

	b.Must(t, "dpkg", "--install", deb)
	b.wantState(t, "with a mistake", "enabled active")
	b.wantUnitFile(t, bashUnit)
	if b.invocation(t, daemonUnit) != run {
		t.Error("the bash daemon was stopped")
	}
	b.removeBesideBashDaemon(t)
	b.Must(t, "dpkg", "--install", deb)

	// What the script says to do then.
	b.edit(t, bashDaemonConfig)
	b.Shell(t, `
		systemctl stop monitor_service.service
		mv /etc/systemd/system/monitor_service.service /opt/monitor_service/monitor_service.service.bash
		systemctl daemon-reload && systemctl reenable monitor_service.service && systemctl start monitor_service.service
	`)
	b.wantState(t, "after the mistake was mended", "enabled active")
	b.wantUnitFile(t, packageUnit)
	b.awaitPolls(t, 1)
}
