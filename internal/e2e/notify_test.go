//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
	"monitor_service/internal/testenv/mail"
	"monitor_service/internal/testenv/pki"
)

// hookSocket and hookService are an HTTP server that keeps what is posted to
// it in /srv/posted.
const (
	hookSocket  = "[Socket]\nListenStream=127.0.0.1:8099\nAccept=yes\n"
	hookService = "[Service]\nStandardInput=socket\nStandardOutput=socket\nStandardError=journal\nExecStart=/bin/sh /srv/hook.sh\n"
	hookScript  = `length=0
while read -r line; do
	line=$(printf %s "$line" | tr -d '\r')
	case $line in
		'') break ;;
		[Cc]ontent-[Ll]ength:*) length=$((${line#*:})) ;;
	esac
done
head -c "$length" >>/srv/posted
printf 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'
`
	// token stands for what makes the address of a chat system secret.
	token = "T0cAnArY7Gq"
)

const failingAtOnce = `max_restart_failures = 1
circuit_reset_time = 1h

[process.default]
max_attempts = 1
health_check_command = false
health_check_timeout = 500ms

`

// fileIfAny returns the content of a file of the host, empty where there is
// none.
func (b *bed) fileIfAny(t *testing.T, path string) string {
	t.Helper()
	return b.Shell(t, "cat "+path+" 2>/dev/null || true")
}

func TestAnOpenBreakerIsToldThroughWebhookAndCommand(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.Put(t, "/srv/hook.sh", hookScript, 0o644)
	b.unit(t, "hook@.service", hookService)
	b.unit(t, "hook.socket", hookSocket)
	b.Must(t, "systemctl", "start", "hook.socket")
	b.start(t, baseConfig+failingAtOnce+`[notify]
webhook_url = http://127.0.0.1:8099/services/`+token+`
command = printf '%s\n' "$MONITOR_NOTIFY_SUBJECT" >>/srv/told
group_wait = 0
`)
	b.raiseAlarm(t, 7, worker)
	b.Eventually(t, "the webhook is called", host.Limit, func() bool { return b.fileIfAny(t, "/srv/posted") != "" })
	b.Eventually(t, "the command is run", host.Limit, func() bool { return b.fileIfAny(t, "/srv/told") != "" })

	var posted struct {
		Notices []struct {
			Event, Process, Unit, Reason string
			IDs                          []int64
		}
	}
	if err := json.Unmarshal([]byte(b.Get(t, "/srv/posted")), &posted); err != nil {
		t.Fatal(err)
	}
	if len(posted.Notices) != 1 {
		t.Fatalf("%+v, want the open breaker alone", posted)
	}
	if n := posted.Notices[0]; n.Event != "breaker_opened" || n.Process != worker || n.Unit != worker+".service" ||
		n.Reason != "health_check_failed" || len(n.IDs) != 1 || n.IDs[0] != 7 {
		t.Errorf("%+v", n)
	}
	if got := strings.TrimSpace(b.Get(t, "/srv/told")); !strings.HasSuffix(got, ": breaker opened: "+worker) || strings.Contains(got, "\n") {
		t.Errorf("the command was told %q", got)
	}
	if out := b.Must(t, programPath, "check-config"); strings.Contains(out, token) || !strings.Contains(out, "webhook_url") {
		t.Errorf("check-config shows the webhook's address, or nothing of it:\n%s", out)
	}
}

// A webhook that cannot be reached is said once and without its address, the
// recoveries go on, and a reload mends it.
func TestAFailingNotificationIsSaidAndMendedByAReload(t *testing.T) {
	b := newBed(t)
	names := b.workers(t, "1", "2")
	notify := baseConfig + failingAtOnce + "[notify]\nwebhook_url = http://127.0.0.1:8098/services/" + token + "\ngroup_wait = 0\n"
	b.start(t, notify)
	b.raiseAlarm(t, 1, names[0])
	said := func(event string) int {
		return len(b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT="+event))
	}
	b.Eventually(t, "the failure is said", host.Limit, func() bool { return said("notify_failing") == 1 })
	for _, e := range b.journalSince(t, "MONITOR_EVENT=notify_failing") {
		if id, _ := e["MESSAGE_ID"].(string); len(id) != 32 || e["MONITOR_CHANNEL"] != "webhook" {
			t.Errorf("the entry is %v", e)
		}
	}
	b.raiseAlarm(t, 2, names[1])
	b.Eventually(t, "the next recovery is not held up", host.Limit, func() bool { return b.events(t, names[1], "breaker_opened") == 1 })

	b.Put(t, "/srv/hook.sh", hookScript, 0o644)
	b.unit(t, "hook@.service", hookService)
	b.unit(t, "hook.socket", hookSocket)
	b.Must(t, "systemctl", "start", "hook.socket")
	b.configure(t, strings.Replace(notify, "8098", "8099", 1))
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Eventually(t, "what was not sent is sent", host.Limit, func() bool {
		return strings.Contains(b.fileIfAny(t, "/srv/posted"), `breaker opened: 2 processes`)
	})
	b.Eventually(t, "its end is said", host.Limit, func() bool { return said("notify_working") == 1 })
	if n := said("notify_failing"); n != 1 {
		t.Errorf("the failure is said %d times", n)
	}
	if log := b.Get(t, logPath) + b.Must(t, "journalctl", "-u", daemonUnit); strings.Contains(log, token) {
		t.Error("the log shows the webhook's address")
	}
}

// The password and the CA are read by the daemon, within its sandbox; a letter
// that is refused for its password is told, and mended by a reload.
func TestAnOpenBreakerIsToldByMail(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	pair := pki.New(t)
	box := mail.Serve(t, b.Listen(t, "127.0.0.1:0"), pair.TLS(t), false)
	b.Put(t, "/etc/monitor_service/smtp-ca.pem", string(pair.Certificate), 0o644)
	b.Put(t, "/etc/monitor_service/smtp-password", "wrong", 0o400)
	b.start(t, baseConfig+failingAtOnce+fmt.Sprintf(`[notify]
email_to = ops@example.com
email_from = monitor@example.com
smtp_host = 127.0.0.1
smtp_port = %d
smtp_ca = /etc/monitor_service/smtp-ca.pem
smtp_user = %s
smtp_password_file = /etc/monitor_service/smtp-password
group_wait = 0
group_interval = 0
`, box.Addr().Port, mail.User))
	said := func(event string) int {
		return len(b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT="+event))
	}
	b.raiseAlarm(t, 7, worker)
	b.Eventually(t, "the refused login is said", host.Limit, func() bool { return said("notify_lost")+said("notify_failing") > 0 })
	if n := len(box.Letters()); n != 0 {
		t.Fatalf("%d letters were taken from who has no login", n)
	}
	b.Put(t, "/etc/monitor_service/smtp-password", mail.Password, 0o400)
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Eventually(t, "the new password is in force", host.Limit, func() bool {
		return strings.Contains(b.Get(t, logPath), "Configuration reloaded")
	})
	b.wantCommand(t, 0, []string{"reset", worker})
	b.Eventually(t, "the mail comes", host.Limit, func() bool { return len(box.Letters()) > 0 })
	got := box.Letters()[0]
	if got.From != "monitor@example.com" || got.To != "ops@example.com" || got.User != mail.User || !got.Encrypted {
		t.Errorf("the envelope is from %q to %q, logged in as %q, encrypted: %t", got.From, got.To, got.User, got.Encrypted)
	}
	for _, want := range []string{"Subject: [monitor_service] " + b.Name(), "breaker opened: " + worker, "health_check_failed"} {
		if !strings.Contains(got.Content, want) {
			t.Errorf("no %q in the letter:\n%s", want, got.Content)
		}
	}
	if log := b.Get(t, logPath) + b.Must(t, "journalctl", "-u", daemonUnit); strings.Contains(log, mail.Password) {
		t.Error("the log shows the password")
	}
}
