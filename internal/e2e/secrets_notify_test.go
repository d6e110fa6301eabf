//go:build e2e

package e2e

import (
	"encoding/base64"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

// A mail server and a chat system that refuse and repeat what they were told,
// the password and the token in it.
const (
	mailSocket = "[Socket]\nListenStream=127.0.0.1:2525\nAccept=yes\n"
	mailScript = `said() { printf '%s\r\n' "$*"; }
said 220 mail
while read -r line; do
	line=$(printf %s "$line" | tr -d '\r')
	case $line in
		EHLO*) said 250-mail; said 250 AUTH PLAIN LOGIN ;;
		QUIT*) said 221 bye; exit ;;
		*) said 535 not with "$line" ;;
	esac
done
`
	chatSocket = "[Socket]\nListenStream=127.0.0.1:8099\nAccept=yes\n"
	chatScript = `read -r method path rest
while read -r line; do
	line=$(printf %s "$line" | tr -d '\r')
	test -n "$line" || break
done
printf 'HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nnothing at %s\n' "$path"
`
	echoService = "[Service]\nStandardInput=socket\nStandardOutput=socket\nStandardError=journal\nExecStart=/bin/sh /srv/%p.sh\n"
)

const (
	mailCanary = "Postkanarie-4hT8"
	chatCanary = "Plauderkanarie-9xK2"
	webConfigs = "/etc/monitor_service/web.yml"
)

// TestTheSecretsOfNotificationsAndTheListenerAreNowhereElse lives through
// messages that cannot be sent, servers that repeat what they were told, broken
// configurations and a crash, with the secrets from each place that they may
// come from, and searches everything that is left behind. The users of the
// listener have no other place than their own file.
func TestTheSecretsOfNotificationsAndTheListenerAreNowhereElse(t *testing.T) {
	const (
		mailFile, chatFile = "/etc/monitor_service/mail", "/etc/monitor_service/chat"
		url                = "http://127.0.0.1:8099/services/" + chatCanary + "?key=" + chatCanary
		credentials        = "/run/credentials/" + daemonUnit + "/"
	)
	for _, c := range []struct {
		name, keys, dropIn string
		places             []string
	}{
		{"keys", "smtp_password = " + mailCanary + "\nwebhook_url = " + url + "\n", "", []string{configPath, webConfigs}},
		{"files", "smtp_password_file = " + mailFile + "\nwebhook_url_file = " + chatFile + "\n", "", []string{mailFile, chatFile, webConfigs}},
		{
			"credentials", "", "[Service]\nLoadCredential=smtp_password:" + mailFile + "\nLoadCredential=webhook_url:" + chatFile + "\n",
			[]string{mailFile, chatFile, webConfigs, credentials + "smtp_password", credentials + "webhook_url"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t)
			t.Cleanup(func() { b.Must(t, "rm", "-f", canaryFile) })
			// Also as AUTH PLAIN and AUTH LOGIN have it.
			encode := base64.StdEncoding.EncodeToString
			b.Put(t, canaryFile, strings.Join([]string{
				mailCanary, chatCanary, webHash, encode([]byte("\x00mailer\x00" + mailCanary)), encode([]byte(mailCanary)),
			}, "\n")+"\n", 0o600)
			if c.name != "keys" {
				b.Put(t, mailFile, mailCanary, 0o400)
				b.Put(t, chatFile, url, 0o400)
			}
			b.Put(t, webConfigs, "basic_auth_users:\n  ops: "+webHash+"\n", 0o600)
			for name, script := range map[string]string{"mail": mailScript, "chat": chatScript} {
				b.Put(t, "/srv/"+name+".sh", script, 0o644)
				b.unit(t, name+"@.service", echoService)
			}
			b.unit(t, "mail.socket", mailSocket)
			b.unit(t, "chat.socket", chatSocket)
			b.Must(t, "systemctl", "start", "mail.socket", "chat.socket")
			config := webConfig("web_config="+webConfigs+"\n") + failingAtOnce + `[logging]
level = debug
[notify]
email_to = ops@example.com
smtp_host = 127.0.0.1
smtp_port = 2525
smtp_tls = off
smtp_user = mailer
command = env; cat /proc/self/environ; exit 1
group_wait = 0
group_interval = 0
` + c.keys
			b.install(t, config)
			if c.dropIn != "" {
				b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/secrets.conf", c.dropIn, 0o644)
				b.Must(t, "systemctl", "daemon-reload")
			}
			b.Must(t, "systemctl", "start", daemonUnit)
			b.useTheSecrets(t, config)
			b.searchForTheCanary(t, c.places, "--user 'ops:"+webPassword+"'")
		})
	}
}

// useTheSecrets lets everything happen in which the daemon could say one.
func (b *bed) useTheSecrets(t *testing.T, config string) {
	t.Helper()
	said := func(event, channel string) int {
		return len(b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT="+event, "MONITOR_CHANNEL="+channel))
	}
	names := b.workers(t, "1", "2")
	b.raiseAlarm(t, 1, names[0])
	for channel, event := range map[string]string{"email": "notify_lost", "webhook": "notify_lost", "command": "notify_failing"} {
		b.Eventually(t, "the refusal by "+channel+" is said", host.Limit, func() bool { return said(event, channel) > 0 })
	}
	b.Must(t, "systemctl", "stop", "mail.socket", "chat.socket")
	b.raiseAlarm(t, 2, names[1])
	for _, channel := range []string{"email", "webhook"} {
		b.Eventually(t, "that "+channel+" is not reached is said", host.Limit, func() bool { return said("notify_failing", channel) > 0 })
	}
	// Mistakes where the secrets stand, at a reload and to an operator.
	other := strings.Replace(config, "webhook_url = http", "webhook_url = ftp", 1)
	if other == config {
		other += "webhook_url = ftp://127.0.0.1/" + chatCanary + "\n"
	}
	for _, broken := range []func(){
		func() { b.edit(t, other) },
		func() { b.edit(t, config+"smtp_password\n "+mailCanary+"\n") },
		func() { b.edit(t, strings.Replace(config, "[notify]", "[notify\n", 1)) },
		func() { b.Put(t, webConfigs, "basic_auth_users: "+webHash+"\n", 0o600) },
		func() { b.Put(t, webConfigs, "basic_auth_users:\n  ops: ["+webHash+"]\n", 0o600) },
		func() { b.Put(t, webConfigs, webHash+": {ops\n", 0o600) },
	} {
		broken()
		_, _ = b.Run(t, "systemctl", "reload", daemonUnit)
		out, status := b.command(t, "check-config")
		for _, secret := range []string{mailCanary, chatCanary, webHash} {
			if status != 78 || strings.Contains(out, secret) {
				t.Errorf("check-config of a mistake: status %d\n%s", status, out)
			}
		}
		b.edit(t, config)
		b.Put(t, webConfigs, "basic_auth_users:\n  ops: "+webHash+"\n", 0o600)
	}
	b.Must(t, "systemctl", "reload", daemonUnit)
	// A crash prints the stacks of all goroutines.
	run := b.invocation(t, daemonUnit)
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=ABRT", daemonUnit)
	b.Eventually(t, "the daemon is back", host.Limit, func() bool {
		return b.invocation(t, daemonUnit) != run && b.Property(t, daemonUnit, "ActiveState") == "active"
	})
	b.awaitCurl(t, "-u 'ops:"+webPassword+"' "+webURL+"/healthz", "ok\n 200")
}
