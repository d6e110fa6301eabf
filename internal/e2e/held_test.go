//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

// TestAProcessThatFallsAgainAndAgainOpensItsBreaker raises the alarm of a
// process anew as soon as it is cleared, though each restart passes its check.
// The restarts are counted in the journal of systemd.
func TestAProcessThatFallsAgainAndAgainOpensItsBreaker(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, baseConfig+"max_restart_failures = 3\nstable_time = 1h\ncircuit_reset_time = 1h\n")
	for range 3 {
		b.raiseAlarm(t, 1, worker)
		b.awaitCleared(t, 1)
	}
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the breaker opens", host.Limit, func() bool { return b.events(t, worker, "breaker_opened") == 1 })
	b.awaitPolls(t, 5)
	if n := len(b.starts(t, worker)); n != 1+3 {
		t.Errorf("the unit was started %d times, want once by the test and 3 times by the daemon", n)
	}
	if n := b.events(t, worker, "flapped"); n != 3 {
		t.Errorf("%d flaps were told, want 3", n)
	}
	if a := b.alarmState(t, 1); a.alarma != "1" {
		t.Errorf("the alarm of a process with an open breaker is %+v", a)
	}
	entry := b.journalSince(t, "MONITOR_PROCESS="+worker, "MONITOR_EVENT=breaker_opened")[0]
	if entry["MONITOR_REASON"] != "flapping" {
		t.Errorf("the breaker opened for %v", entry["MONITOR_REASON"])
	}
}

// TestAnAlarmThatItsOwnerNeverClearsOpensTheBreaker is read-only mode with
// nobody at the other end.
func TestAnAlarmThatItsOwnerNeverClearsOpensTheBreaker(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	const clearTimeout = 3 * time.Second
	config := strings.Replace(baseConfig, "user = monitor", "user = reader\nclear_timeout = 3", 1)
	b.start(t, config+"max_restart_failures = 2\ncircuit_reset_time = 1h\n")
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the breaker opens", host.Limit, func() bool { return b.events(t, worker, "breaker_opened") == 1 })
	b.awaitPolls(t, 5)
	starts := b.starts(t, worker)
	if len(starts) != 1+2 {
		t.Fatalf("the unit was started %d times, want once by the test and twice by the daemon", len(starts))
	}
	if pause := starts[2].Sub(starts[1]); pause < clearTimeout {
		t.Errorf("the second restart came %s after the first one, want at least %s", pause, clearTimeout)
	}
	if n := b.events(t, worker, "not_cleared"); n != 2 {
		t.Errorf("%d restarts were told to have been no help, want 2", n)
	}
	if n := len(b.journalSince(t, "MONITOR_EVENT=write_back_refused")); n != 1 {
		t.Errorf("read-only was told %d times", n)
	}
	if got, want := b.alarmState(t, 1), (alarm{"1", "0", ""}); got != want {
		t.Errorf("the row is %+v, want %+v", got, want)
	}
}

// TestALoopThatHangsAloneIsRestartedByTheWatchdog has the loop hang in a daemon
// of which everything else lives: nothing else feeds the watchdog.
func TestALoopThatHangsAloneIsRestartedByTheWatchdog(t *testing.T) {
	b := newBed(t)
	b.installProgram(t, buildWithAHangingLoop(t), baseConfig)
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/watchdog.conf", "[Service]\nWatchdogSec=2\nRestartSec=100ms\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	b.awaitPolls(t, 3)
	before := b.Property(t, daemonUnit, "MainPID")
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=USR1", daemonUnit)
	// The rest of it is there and answers.
	if out, status := b.command(t, "explain", "w@1"); strings.Contains(out, "cannot reach") || status == 3 {
		t.Errorf("all of it hangs: %d, %s", status, out)
	}
	b.Eventually(t, "systemd restarts it", host.Limit, func() bool {
		pid := b.Property(t, daemonUnit, "MainPID")
		return pid != before && pid != "0" && b.Property(t, daemonUnit, "ActiveState") == "active"
	})
	if n := len(b.journalSince(t, "_PID=1", "UNIT="+daemonUnit, "MESSAGE="+daemonUnit+": Failed with result 'watchdog'.")); n != 1 {
		t.Errorf("%d ends by the watchdog, want 1", n)
	}
	worker := b.workers(t, "1")[0]
	b.raiseAlarm(t, 1, worker)
	b.awaitCleared(t, 1)
}

// buildWithAHangingLoop builds the program with a loop that ends nowhere when
// it is asked to poll.
func buildWithAHangingLoop(t *testing.T) string {
	t.Helper()
	original, err := filepath.Abs("../daemon/loop.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	const asked = "case <-ask.PollNow:\n"
	hanging := strings.Replace(string(text), asked, asked+"\t\t\ttime.Sleep(time.Hour)\n", 1)
	if hanging == string(text) {
		t.Fatalf("%s has no place to hang at", original)
	}
	dir := t.TempDir()
	replaced, overlay, program := dir+"/loop.go", dir+"/overlay.json", dir+"/monitor_service"
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replaced}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{replaced: hanging, overlay: string(list)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-overlay", overlay, "-o", program, "monitor_service/cmd/monitor_service")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	return program
}
