package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mailing is the least that switches e-mail on.
const mailing = minimal + "[notify]\nemail_to = ops@example.com\nsmtp_host = mx\n"

func TestNotificationsAreOffByDefault(t *testing.T) {
	c, _ := accepted(t, minimal)
	if n := c.Notify; len(n.Email.To) > 0 || n.Webhook.URL.IsSet() || n.Command.Line != "" {
		t.Errorf("%+v", n)
	}
}

func TestNotifySectionIsRead(t *testing.T) {
	c, warnings := accepted(t, minimal+`[notify]
email_to = ops@example.com, b@example.com c@example.com
email_from = monitor@example.com
email_events = all
smtp_host = mx.example.com
smtp_tls = tls
smtp_user = u
smtp_password = "p # w"
webhook_url = https://hooks.example.com/T0/abc?x=1
webhook_format = teams
webhook_events = flapping, recovery_failed
command = printf '%s\n' "$MONITOR_NOTIFY_TEXT" ; true
command_events = breaker_closed
database_after = 0
group_interval = 1m
`)
	if len(warnings) > 0 {
		t.Errorf("warnings:\n%s", warningTexts(warnings))
	}
	n := c.Notify
	if e := n.Email; !slices.Equal(e.To, []string{"ops@example.com", "b@example.com", "c@example.com"}) || e.Port != 465 ||
		e.TLS != SMTPTLS || e.User != "u" || e.Password.Reveal() != "p # w" || len(e.Events.List()) != 6 {
		t.Errorf("%+v", e)
	}
	if w := n.Webhook; w.URL.Reveal() != "https://hooks.example.com/T0/abc?x=1" || w.Format != WebhookTeams ||
		!slices.Equal(w.Events.List(), []NotifyEvent{NotifyRecoveryFailed, NotifyFlapping}) {
		t.Errorf("%+v", w)
	}
	if n.Command.Line != `printf '%s\n' "$MONITOR_NOTIFY_TEXT" ; true` || n.DatabaseAfter != 0 || n.GroupInterval != time.Minute {
		t.Errorf("%+v", n)
	}
}

func TestThePortFollowsTheEncryption(t *testing.T) {
	for tls, port := range map[string]int{"starttls": 587, "tls": 465, "off": 25} {
		if c, _ := accepted(t, mailing+"smtp_tls = "+tls+"\n"); c.Notify.Email.Port != port {
			t.Errorf("%s: %d, want %d", tls, c.Notify.Email.Port, port)
		}
	}
	if c, _ := accepted(t, mailing+"smtp_port = 2525\n"); c.Notify.Email.Port != 2525 {
		t.Error(c.Notify.Email.Port)
	}
}

func TestNotifyMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		minimal + "[notify]\nemail_to = ops@example.com\n":       "[notify] smtp_host: is missing: email_to needs it",
		minimal + "[notify]\nemail_to = ops\nsmtp_host = mx\n":   `[notify] email_to = "ops": has "ops" in it, which is not a mail address`,
		minimal + "[notify]\nemail_to = a@b a@b\nsmtp_host=mx":   "twice",
		minimal + "[notify]\nemail_to = <a@b>\nsmtp_host=mx":     "is not a mail address",
		mailing + "email_from = Ops <ops@example.com>\n":         "[notify] email_from",
		mailing + "email_events = breaker_open\n":                "did you mean breaker_opened?",
		mailing + "email_events = all flapping\n":                `"all"`,
		mailing + "smtp_user = u\n":                              "smtp_password: is missing",
		mailing + "smtp_password = u\n":                          "smtp_user: is missing",
		mailing + "smtp_user = u\nsmtp_password=p\nsmtp_tls=off": "would be sent in the clear",
		mailing + "smtp_port = 0\n":                              "is below the limit",
		mailing + "smtp_tls = ssl\n":                             "allowed: starttls, tls, off",
		minimal + "[notify]\nwebhook_format = irc\n":             "json, slack, teams, discord",
		minimal + "[notify]\ncommand_timeout = 11m\n":            "is above the limit",
		minimal + "[notify]\nwebhok_url = https://x/\n":          "did you mean webhook_url?",
		minimal + "[notifications]\nwebhook_url = https://x/\n":  "[notify]",
	} {
		onlyMistake(t, text, want)
	}
	accepted(t, minimal+"[notify]\nemail_to = a@b\nsmtp_host = localhost\nsmtp_tls = off\nsmtp_user = u\nsmtp_password = p\n")
}

func TestWhatHasNoEffectInNotifyIsSaid(t *testing.T) {
	_, warnings := accepted(t, minimal+"[notify]\nsmtp_host = mx\nwebhook_format = slack\ncommand_events = all\n")
	for _, want := range []string{"email_to is not set", "webhook_url is not set", "command is not set"} {
		if !strings.Contains(warningTexts(warnings), want) {
			t.Errorf("no warning says %q:\n%s", want, warningTexts(warnings))
		}
	}
}

// An address of a chat system is a password: whatever is wrong with it, no
// part of it is shown.
func TestTheWebhooksAddressIsNeverShown(t *testing.T) {
	for _, url := range []string{"ftp://cAnArY", "cAnArY", "https://cAnArY /x", "https://x\x7fcAnArY", "http://%zzcAnArY"} {
		if text := refused(t, minimal+"[notify]\nwebhook_url = "+url+"\n").Error(); strings.Contains(text, "cAnArY") {
			t.Error(text)
		}
	}
	file := writeFile(t, filepath.Join(t.TempDir(), "url"), "cAnArY\n", 0o600)
	m := onlyMistake(t, minimal+"[notify]\nwebhook_url_file = "+file+"\n", "webhook_url_file", "the address is not an address")
	if strings.Contains(m.String(), "cAnArY") {
		t.Error(m)
	}
}

func TestNotifySecretsComeFromFilesAndCredentials(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "url"), "https://x/file\n", 0o644)
	c, warnings := accepted(t, minimal+"[notify]\nwebhook_url = https://x/key\nwebhook_url_file = "+file+"\n")
	if c.Notify.Webhook.URL.Reveal() != "https://x/file" {
		t.Error("the file does not win over the key")
	}
	for _, want := range []string{"can read the address: run chmod o-r", "webhook_url_file wins over it"} {
		if !strings.Contains(warningTexts(warnings), want) {
			t.Errorf("no warning says %q:\n%s", want, warningTexts(warnings))
		}
	}
	writeFile(t, filepath.Join(dir, "smtp_password"), "from credential", 0o600)
	writeFile(t, filepath.Join(dir, "webhook_url"), "https://x/credential", 0o600)
	c, _ = accepted(t, mailing+"smtp_user = u\nsmtp_password = p\nwebhook_url_file = /is/not/read\n", "CREDENTIALS_DIRECTORY="+dir)
	if c.Notify.Email.Password.Reveal() != "from credential" || c.Notify.Webhook.URL.Reveal() != "https://x/credential" {
		t.Error("the credentials do not win")
	}
	if o := c.Origin("notify", "smtp_password"); o.String() != `systemd credential "smtp_password"` {
		t.Error(o)
	}
	onlyMistake(t, mailing+"smtp_user = u\nsmtp_password_file = /is/not/there\n", "no such file")
}
