package notify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

func TestCommandGetsTheMessageInItsEnvironment(t *testing.T) {
	dir := t.TempDir()
	names := append(nasty(), "nginx", "$(touch "+filepath.Join(dir, "bad")+")")
	m := nastyMessage(names)
	r := runner{run: command.Run, line: `for v in SUBJECT TEXT EVENTS PROCESSES COUNT HOST; do eval "printf '%s\n' \"\$MONITOR_NOTIFY_$v\"" >` + dir + `/$v; done; cat >` + dir + `/stdin`, timeout: time.Minute}
	if retry, err := r.send(limited(t), m); err != nil {
		t.Fatal(retry, err)
	}
	get := func(name string) string {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(string(content), "\n")
	}
	if get("SUBJECT") != m.Subject || get("TEXT") != m.Text || get("EVENTS") != "breaker_opened recovery_failed" ||
		get("HOST") != "web1" || get("COUNT") != "28" || get("stdin") != "" {
		t.Errorf("%q %q %q %q", get("SUBJECT"), get("EVENTS"), get("HOST"), get("COUNT"))
	}
	if got := get("PROCESSES"); strings.Count(got, "\n") != 12 || !strings.Contains(got, "\nnginx\n") {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "bad")); err == nil {
		t.Error("a process name was run by the shell")
	}
}

func TestAFailedCommandIsTriedAgain(t *testing.T) {
	for line, want := range map[string]string{
		"echo busy; exit 75":  "command: exit status 75; its last output: busy",
		"exec sleep infinity": "time limit of 50ms",
		"/is/not/there":       "command not found",
	} {
		limit := time.Minute
		if strings.Contains(line, "sleep") {
			limit = 50 * time.Millisecond
		}
		if retry, err := (runner{run: command.Run, line: line, timeout: limit}).send(limited(t), nastyMessage([]string{"x"})); err == nil || !retry || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: retry %v, %v", line, retry, err)
		}
	}
}

// From the configuration to a command that was run, with nothing put in.
func TestANotifierTellsThroughItsCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "told")
	settings, err := Prepare(config.Notify{
		Command:     config.NotifyCommand{Events: all(), Line: `printf '%s\n' "$MONITOR_NOTIFY_SUBJECT" >>` + file, Timeout: time.Minute},
		SendTimeout: time.Minute, GroupWait: time.Hour, GroupInterval: time.Hour, RetryFor: time.Hour,
	}, command.Run)
	if err != nil {
		t.Fatal(err)
	}
	n := New(settings, func(r Report) { t.Errorf("%+v", r) })
	n.Observe(opened("nginx"))
	n.Observe(recovery.Event{Kind: recovery.AlarmFound, Process: "other"})
	n.Close(limited(t))
	got, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(string(got), ": breaker opened: nginx\n") {
		t.Errorf("%q, %v", got, err)
	}
}
