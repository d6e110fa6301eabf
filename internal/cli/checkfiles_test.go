package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsWrongInsideTheFilesIsToldWithTheOtherMistakes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca", "cert", "mail", "hook", "web"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not: [what it should be\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.ReplaceAll(`[database]
user = u
database = d
tls = on
tls_ca = DIR/ca
tls_cert = DIR/cert
tls_key = DIR/cert
[notify]
email_to = a@example.com
smtp_host = mx
smtp_ca = DIR/mail
webhook_url = https://example.com/
webhook_ca = DIR/hook
[http]
listen = localhost:9187
web_config = DIR/web
`, "DIR", dir)
	files := []string{
		"config.ini:5: [database] tls_ca", "config.ini:6: [database] tls_cert", "config.ini:11: [notify] smtp_ca",
		"config.ini:13: [notify] webhook_ca", "config.ini:16: [http] web_config",
	}
	for name, c := range map[string]struct {
		more string
		want []string
	}{
		"alone":              {"", append([]string{"5 mistakes"}, files...)},
		"beside another one": {"[monitor]\ncheck_interval = soon\n", append([]string{"6 mistakes", "config.ini:18: [monitor] check_interval"}, files...)},
	} {
		status, stdout, stderr := runCheckConfig(t, text+c.more)
		if status != exitConfig || stdout != "" {
			t.Errorf("%s: status %d, %q", name, status, stdout)
		}
		for _, want := range c.want {
			if strings.Count(stderr, want) != 1 {
				t.Errorf("%s: it does not say %q once:\n%s", name, want, stderr)
			}
		}
	}
	// What is not used is not looked at.
	status, _, stderr := runCheckConfig(t, strings.NewReplacer("tls = on", "tls = off", "email_to = a@example.com\n", "",
		"webhook_url = https://example.com/\n", "", "listen = localhost:9187\n", "").Replace(text))
	if strings.Contains(stderr, "mistake") || status != exitDone {
		t.Errorf("files that are not used: status %d\n%s", status, stderr)
	}
}
