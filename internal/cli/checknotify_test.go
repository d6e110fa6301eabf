package cli

import (
	"os"
	"path/filepath"
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

// What run refuses, check-config does not praise.
func TestCheckConfigReadsTheCertificatesOfNotifications(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage.pem")
	if err := os.WriteFile(garbage, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ca := range []string{"/is/not/there.pem", garbage} {
		for _, keys := range []string{
			"email_to = a@example.com\nsmtp_host = mx\nsmtp_ca = ",
			"webhook_url = https://hooks.example.com/" + secretCanary + "\nwebhook_ca = ",
		} {
			status, stdout, stderr := runCheckConfig(t, "[database]\nuser = u\ndatabase = d\n[notify]\n"+keys+ca+"\n")
			if status != exitConfig || stdout != "" || !strings.Contains(stderr, ca) || !strings.Contains(stderr, "_ca: ") {
				t.Errorf("%s%s: status %d, %s, %s", keys, ca, status, stdout, stderr)
			}
			if strings.Contains(stderr, secretCanary) {
				t.Errorf("a secret is shown: %s", stderr)
			}
		}
	}
}
