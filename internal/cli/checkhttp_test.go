package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/control"
)

func TestCheckConfigReadsTheWebConfiguration(t *testing.T) {
	database := "[database]\nuser = u\ndatabase = d\n"
	web := filepath.Join(t.TempDir(), "web.yml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(web, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, stdout, _ := runCheckConfig(t, database); block(t, stdout, "[http]") != "listen none built-in" {
		t.Error(stdout)
	}
	const users = "basic_auth_users:\n  ops: $2a$04$lShR3EV8fiZADjohy6S.Ie1zdOTZL4FFN2FnJw7GepUrteKHx.Sz6\n"
	write(users)
	for _, c := range []struct{ http, shows, warns string }{
		{"listen = 127.0.0.1:9187\n", "listen 127.0.0.1:9187 config.ini:5", ""},
		{"listen = :9187\n", "listen :9187 config.ini:5", "[http] listen: everybody who reaches this address"},
		{"listen = localhost:9187\nweb_config = " + web + "\n", "web.yml: users", ""},
		{"listen = :9187\nweb_config = " + web + "\n", "web.yml: users", "their passwords cross the network in the clear"},
	} {
		status, stdout, stderr := runCheckConfig(t, database+"[http]\n"+c.http)
		if got := block(t, stdout, "[http]"); status != exitDone || !strings.Contains(got, c.shows) {
			t.Errorf("%q: status %d, %s", c.http, status, got)
		}
		if (c.warns == "") != (stderr == "") || !strings.Contains(stderr, c.warns) {
			t.Errorf("%q: %s", c.http, stderr)
		}
		if strings.Contains(stdout+stderr, "$2a$") {
			t.Errorf("a secret is shown:\n%s%s", stdout, stderr)
		}
	}
	write("basic_auth_users: [")
	status, stdout, stderr := runCheckConfig(t, database+"[http]\nlisten = :9187\nweb_config = "+web+"\n")
	if status != exitConfig || stdout != "" || !strings.Contains(stderr, web) || !strings.Contains(stderr, "yaml") {
		t.Errorf("status %d, %s, %s", status, stdout, stderr)
	}
}

func TestStatusShowsTheListener(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		http *control.HTTP
		says string
	}{
		{&control.HTTP{Listen: "127.0.0.1:9187"}, "Status page and metrics at http://127.0.0.1:9187/\n"},
		{&control.HTTP{Listen: ":9187", TLS: true}, "at https://localhost:9187/\n"},
		{&control.HTTP{Listen: "0.0.0.0:9187"}, "at http://localhost:9187/\n"},
		{&control.HTTP{Listen: "[::1]:9187"}, "at http://[::1]:9187/\n"},
		{
			&control.HTTP{Listen: ":9187", Error: `cannot listen at ":9187": address already in use`, Since: now.Add(-5 * time.Minute)},
			`(5m): cannot listen at ":9187": address already in use`,
		},
	} {
		if got := headText(screen{}, control.Status{Now: now, HTTP: c.http}); !strings.Contains(got, c.says) {
			t.Errorf("no %q in\n%s", c.says, got)
		}
	}
	if got := headText(screen{}, control.Status{Now: now}); strings.Contains(got, "page") {
		t.Error(got)
	}
}
