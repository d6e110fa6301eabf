//go:build e2e

package e2e

import (
	"regexp"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

// canary is a password that is found wherever it leaks to.
const canary = "Kanarienvogel-7Qx9Zr4W"

// canaryFile holds it for grep -f: grep's own command line would be a find.
const canaryFile = "/root/canary"

// secretConfig makes the daemon talk: of commands that print their whole
// environment and fail, at level debug. The password comes from elsewhere.
const secretConfig = `[database]
host = localhost
user = monitor
database = v_process_monitor
$PASSWORD
[monitor]
check_interval = 200ms
[logging]
level = debug
[http]
listen = 127.0.0.1:9187
[process.w@1]
[process.hook]
pre_restart_command = env; cat /proc/self/environ; exit 1
[process.custom]
restart_strategy = custom
restart_command = env; cat /proc/self/environ; exit 1
max_attempts = 1
[process.started]
restart_strategy = process
start_command = env; cat /proc/self/environ; exit 1
max_attempts = 1
`

// TestThePasswordIsNowhereButWhereItWasPut lives through a good and three
// failed recoveries, a reload, a mistake in the configuration, a refused login,
// a database that is down and a crash, with the password from each place that
// it may come from, and searches everything that is left behind.
func TestThePasswordIsNowhereButWhereItWasPut(t *testing.T) {
	const dropIn = "/etc/systemd/system/" + daemonUnit + ".d/password.conf"
	for _, c := range []struct {
		name string
		// key is a line of config.ini; put puts the password elsewhere.
		key string
		put string
		// places are where it may be found afterwards.
		places []string
	}{
		{"password", "password = " + canary, "", []string{configPath}},
		{
			"password_file", "password_file = /etc/monitor_service/password",
			"install -D -m 0400 " + canaryFile + " /etc/monitor_service/password",
			[]string{"/etc/monitor_service/password"},
		},
		{
			"credential", "", `install -D -m 0400 ` + canaryFile + ` /etc/monitor_service/password
			mkdir -p ` + dropIn[:strings.LastIndex(dropIn, "/")] + `
			printf '[Service]\nLoadCredential=db_password:/etc/monitor_service/password\n' >` + dropIn,
			[]string{"/etc/monitor_service/password", "/run/credentials/" + daemonUnit + "/db_password"},
		},
		{
			"encrypted credential", "", `mkdir -p /etc/monitor_service ` + dropIn[:strings.LastIndex(dropIn, "/")] + `
			systemd-creds encrypt --name=db_password ` + canaryFile + ` /etc/monitor_service/db_password.cred 2>/dev/null
			printf '[Service]\nLoadCredentialEncrypted=db_password:/etc/monitor_service/db_password.cred\n' >` + dropIn,
			[]string{"/run/credentials/" + daemonUnit + "/db_password"},
		},
		{
			"environment", "", "install -D -m 0600 /dev/null /etc/sysconfig/monitor_service; " +
				"printf 'MONITOR_SERVICE_DATABASE_PASSWORD=%s\\n' \"$(cat " + canaryFile + ")\" >/etc/sysconfig/monitor_service",
			// The daemon's own environment is for root alone to read.
			[]string{"/etc/sysconfig/monitor_service", "/proc/DAEMON/environ"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t)
			t.Cleanup(func() { b.Must(t, "rm", "-rf", "/etc/sysconfig/monitor_service", canaryFile) })
			b.Put(t, canaryFile, canary, 0o600)
			b.SQL(t, "ALTER USER monitor@localhost IDENTIFIED BY '"+canary+"';")
			config := strings.Replace(secretConfig, "$PASSWORD", c.key, 1)
			b.install(t, config)
			b.Shell(t, c.put)
			b.Must(t, "systemctl", "daemon-reload")
			b.Must(t, "systemctl", "start", daemonUnit)
			b.useThePassword(t, config)
			b.searchForTheCanary(t, c.places, "")
		})
	}
}

// useThePassword lets everything happen in which the daemon says something.
func (b *bed) useThePassword(t *testing.T, config string) {
	t.Helper()
	b.workers(t, "1")
	b.awaitRecovery(t, 1, "w@1")
	b.raiseAlarms(t, map[int]string{2: "hook", 3: "custom", 4: "started"})
	for _, process := range []string{"hook", "custom", "started"} {
		b.Eventually(t, process+" fails", host.Limit, func() bool { return b.events(t, process, "recovery_failed") > 0 })
	}
	// A mistake on the line after the password, and one that is no mistake.
	b.edit(t, strings.Replace(config, "[monitor]", "[monitor\n", 1))
	_, _ = b.Run(t, "systemctl", "reload", daemonUnit)
	if out, err := b.Run(t, "monitor_service", "check-config"); err == nil || strings.Contains(out+err.Error(), canary) {
		t.Errorf("check-config of a mistake: %v\n%s", err, out)
	}
	b.edit(t, config)
	b.Must(t, "systemctl", "reload", daemonUnit)
	if out := b.Must(t, "monitor_service", "check-config"); strings.Contains(out, canary) {
		t.Errorf("check-config shows the password:\n%s", out)
	}
	lost := func() int {
		return len(b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT=database_lost"))
	}
	back := func() int {
		return len(b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT=database_back"))
	}
	b.Must(t, "systemctl", "stop", "mariadb.service")
	b.Eventually(t, "the outage is said", host.Limit, func() bool { return lost() == 1 })
	b.Must(t, "systemctl", "start", "mariadb.service")
	b.Eventually(t, "the outage's end is said", host.Limit, func() bool { return back() == 1 })
	b.SQL(t, "ALTER USER monitor@localhost IDENTIFIED BY 'another';")
	b.Must(t, "systemctl", "restart", daemonUnit)
	b.Eventually(t, "the refused login is said", host.Limit, func() bool { return lost() == 2 })
	// A crash prints the stacks of all goroutines.
	run := b.invocation(t, daemonUnit)
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=ABRT", daemonUnit)
	b.Eventually(t, "the daemon is back", host.Limit, func() bool {
		return b.invocation(t, daemonUnit) != run && b.Property(t, daemonUnit, "ActiveState") == "active"
	})
	b.Eventually(t, "the refused login is said again", host.Limit, func() bool { return lost() == 3 })
}

// searchForTheCanary searches all that is left behind for what stands in
// canaryFile, line by line: it has to be in places and nowhere else. login is
// what curl(1) needs to be let in at the listener.
func (b *bed) searchForTheCanary(t *testing.T, places []string, login string) {
	t.Helper()
	b.Must(t, "journalctl", "--sync")
	pid := b.Property(t, daemonUnit, "MainPID")
	found := b.Shell(t, `
		find='grep --fixed-strings --file=`+canaryFile+` --text'
		$find --files-with-matches --no-messages /proc/[0-9]*/cmdline /proc/[0-9]*/environ /proc/[0-9]*/comm || true
		$find --files-with-matches --no-messages --recursive --devices=skip /etc /var/log /var/lib /var/tmp /var/crash /run /tmp /srv /dev/shm || true
		! journalctl --all --output=export | $find --quiet || echo the journal
		! systemctl status --full --lines=1000 `+daemonUnit+` w@1 | $find --quiet || echo systemctl status
		! systemctl show `+daemonUnit+` 'monitored-*' | $find --quiet || echo systemctl show
		for command in 'status --json' 'status w@1' 'history --json' 'explain hook' 'explain w@1' check-config version; do
			! `+programPath+` $command 2>&1 | $find --quiet || echo monitor_service $command
		done
		for page in / metrics api/v1/status api/v1/history healthz readyz; do
			curl --silent --show-error `+login+` http://127.0.0.1:9187/$page 2>&1 >/run/answer || cat /run/answer
			test -s /run/answer && ! $find --quiet /run/answer || echo the page $page
		done
	`)
	allowed := strings.ReplaceAll(strings.Join(places, "\n")+"\n", "DAEMON", pid)
	for place := range strings.Lines(found + "\n") {
		if place = strings.TrimSpace(place); place != "" && !strings.Contains(allowed, place+"\n") {
			t.Errorf("a secret is in %s", place)
		}
	}
	// The search itself finds what is there to find.
	for place := range strings.Lines(allowed) {
		if !strings.Contains(found+"\n", place) {
			t.Errorf("the secret was not found in %s, where it was put:\n%s", strings.TrimSpace(place), found)
		}
	}
	limits := b.Get(t, "/proc/"+pid+"/limits")
	if !regexp.MustCompile(`(?m)^Max core file size\s+0\s+0\s`).MatchString(limits) {
		t.Errorf("a crash may leave a core dump:\n%s", limits)
	}
}
