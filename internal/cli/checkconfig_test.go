package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const secretCanary = "cAnArY-7Gq"

func runCheckConfig(t *testing.T, content string, environ ...string) (status int, stdout, stderr string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.ini")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, err bytes.Buffer
	status = checkConfig(path, environ, &out, &err)
	return status, out.String(), err.String()
}

// block is the part of a report below a title.
func block(t *testing.T, report, title string) string {
	t.Helper()
	_, rest, found := strings.Cut(report, "\n"+title+"\n")
	if !found {
		t.Fatalf("no %q in\n%s", title, report)
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	return strings.Join(strings.Fields(rest), " ")
}

func TestCheckConfigShowsWhatEachProcessGetsAndWhy(t *testing.T) {
	status, stdout, stderr := runCheckConfig(t, `[database]
user = u
database = d
password = `+secretCanary+`
[logging]
max_log_size = 1 MB
[control]
socket = none
[process.nginx]
restart_strategy = service
pre_restart_command = nginx -t
[process.feeds]
restart_strategy = process
restart_timeout = 5
start_command = /opt/feeds/bin/feed_importer --daemon --with a --very --long=list of --options that --does not fit
[process.default]
health_check_command = pgrep %s
max_attempts = 5
`, "MONITOR_SERVICE_MONITOR_CHECK_INTERVAL=30")
	if status != exitDone || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for title, want := range map[string][]string{
		"[database]":          {"user u config.ini:2", "password *** config.ini:4", "host localhost built-in"},
		"[monitor]":           {"check_interval 30s $MONITOR_SERVICE_MONITOR_CHECK_INTERVAL"},
		"[logging]":           {"level info built-in", "file /var/log/monitor_service.log built-in", "format text built-in", "max_log_size 1024 KB config.ini:6", "log_files_to_keep 5 built-in"},
		"[control]":           {"socket none: no command reaches the daemon config.ini:8"},
		"[process.nginx]":     {"restart_strategy service config.ini:10", "unit nginx.service built-in", "pre_restart_command nginx -t config.ini:11", "health_check_command pgrep %s config.ini:17 (process.default)", "restart_timeout 1m30s built-in", "max_attempts 5 config.ini:18 (process.default)"},
		"[process.feeds]":     {"start_command /opt/feeds/bin/feed_importer", "not fit", "working_directory / built-in", "stop_timeout 10s, lowered to 5s (restart_timeout) built-in"},
		"Every other process": {"unit NAME.service where it exists, else: built-in start_command NAME built-in", "max_attempts 5 config.ini:18"},
	} {
		got := block(t, stdout, title)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s does not say %q:\n%s", title, w, got)
			}
		}
	}
	if strings.Contains(stdout, secretCanary) {
		t.Error("the password is shown")
	}
	for line := range strings.Lines(stdout) {
		if utf8.RuneCountInString(line) > 101 {
			t.Errorf("wider than 100 columns: %q", line)
		}
	}
}

func TestCheckConfigPrintsEveryMistakeAndEndsWith78(t *testing.T) {
	status, stdout, stderr := runCheckConfig(t, "[database]\nhost = \"db\"\npassword = '"+secretCanary+"\nport = x\n[monitr]\n")
	if status != 78 || stdout != "" {
		t.Errorf("status %d, stdout %q", status, stdout)
	}
	for _, want := range []string{"config.ini:3: [database] password: ", "config.ini:4: [database] port = \"x\"", "[database] user", "did you mean [monitor]?", "5 mistakes", "warning: ", ":2: [database] host: the bash daemon kept the quotes"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("it does not say %q:\n%s", want, stderr)
		}
	}
	if strings.Contains(stderr, secretCanary) {
		t.Errorf("the password is shown:\n%s", stderr)
	}
}

func TestCheckConfigWithoutAFileSaysWhereItLooked(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := checkConfig("/is/not/there/config.ini", nil, &stdout, &stderr); status != 78 || !strings.Contains(stderr.String(), "/is/not/there/config.ini") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
}

func TestWrapLosesNothing(t *testing.T) {
	for _, text := range []string{"", "a", "a b c", "aaaaaaaaaaaaaaaaaaaaaa", "ă ă ă ăăăăăăăăăăăăăăă ă", "      leading", "aaaa bbbb cccc dddd eeee"} {
		lines := wrap(text, 8)
		for _, line := range lines {
			if utf8.RuneCountInString(line) > 8 || !utf8.ValidString(line) {
				t.Errorf("%q has the line %q", text, line)
			}
		}
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if squeeze(strings.Join(lines, "")) != squeeze(text) {
			t.Errorf("%q became %q", text, lines)
		}
	}
}
