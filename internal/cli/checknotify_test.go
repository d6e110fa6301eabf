package cli

import (
	"strings"
	"testing"
)

func TestCheckConfigShowsWhoIsToldAndNoSecret(t *testing.T) {
	database := "[database]\nuser = u\ndatabase = d\n"
	if _, stdout, _ := runCheckConfig(t, database); !strings.Contains(block(t, stdout, "[notify]"), "nobody is told") {
		t.Error(stdout)
	}
	status, stdout, stderr := runCheckConfig(t, database+`[notify]
email_to = a@example.com, b@example.com
smtp_host = mx
smtp_user = u
smtp_password = `+secretCanary+`
webhook_url = https://hooks.example.com/`+secretCanary+`
webhook_events = all
command = send-sms "$MONITOR_NOTIFY_SUBJECT"
`)
	if status != exitDone || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	got := block(t, stdout, "[notify]")
	for _, want := range []string{
		"email_to a@example.com b@example.com config.ini:5", "smtp_host mx:587 config.ini:6", "smtp_password *** config.ini:8",
		"webhook_url *** config.ini:9", `command send-sms "$MONITOR_NOTIFY_SUBJECT" config.ini:11`, "recovery_failed breaker_opened",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(stdout, secretCanary) {
		t.Errorf("a secret is shown:\n%s", stdout)
	}
}
