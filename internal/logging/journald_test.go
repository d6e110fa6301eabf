//go:build integration

package logging

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv"
)

const journald = "/usr/lib/systemd/systemd-journald"

// startJournald starts a real journal that nobody outside of the private
// mounts can see.
func startJournald(t *testing.T) {
	t.Helper()
	mountRun(t)
	cmd := exec.Command(journald)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	eventually(t, "the journal's socket", func() bool {
		conn, err := net.Dial("unixgram", journalPath)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// stderrToJournal makes stderr a stream of the journal, as systemd does for a
// unit.
func stderrToJournal(t *testing.T) {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: "/run/systemd/journal/stdout"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Dup3(int(f.Fd()), syscall.Stderr, 0); err != nil {
		t.Fatal(err)
	}
	var stat syscall.Stat_t
	if err := syscall.Fstat(syscall.Stderr, &stat); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", stat.Dev, stat.Ino))
}

// entries waits for n entries of this daemon in the journal.
func entries(t *testing.T, n int) []map[string]any {
	t.Helper()
	var found []map[string]any
	eventually(t, fmt.Sprintf("%d entries", n), func() bool {
		found = nil
		out, _ := exec.Command("journalctl", "-D", "/run/log/journal", "-a", "-o", "json", "-t", identifier).Output()
		lines := bufio.NewScanner(bytes.NewReader(out))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			m := map[string]any{}
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				t.Fatal(err)
			}
			found = append(found, m)
		}
		return len(found) >= n
	})
	return found
}

// journalText undoes journalctl's form for values that are no plain text.
func journalText(v any) string {
	numbers, ok := v.([]any)
	if !ok {
		text, _ := v.(string)
		return text
	}
	var b []byte
	for _, n := range numbers {
		b = append(b, byte(n.(float64)))
	}
	return string(b)
}

func TestARealJournalHasEveryFieldUnchanged(t *testing.T) {
	needTools(t)
	if !inPrivateMounts(t) {
		return
	}
	startJournald(t)
	stderrToJournal(t)
	l, err := New(config.Logging{Level: config.LevelInfo})
	if err != nil {
		t.Fatal(err)
	}
	if l.consoleName != "Journal" {
		t.Fatalf("the console is %s", l.consoleName)
	}
	tell := Events(l.Logger())
	for _, value := range hostile {
		tell(recovery.Event{
			Kind: recovery.RecoveryFailed, At: time.Now(), Process: value, Reason: recovery.ReasonHealthCheck,
			Err: errors.New("line one\nline two"), Took: 1200 * time.Millisecond,
		})
	}
	found := entries(t, len(hostile))
	if len(found) != len(hostile) {
		t.Fatalf("%d entries for %d events", len(found), len(hostile))
	}
	for i, m := range found {
		if journalText(m["MONITOR_PROCESS"]) != hostile[i] || m["MONITOR_ERROR"] != "line one\nline two" || m["PRIORITY"] != "3" ||
			m["MONITOR_EVENT"] != "recovery_failed" || m["MONITOR_REASON"] != "health_check_failed" || m["MONITOR_TOOK"] != "1.2s" ||
			!strings.HasPrefix(journalText(m["MESSAGE"]), "Recovery failed ") {
			t.Errorf("%q became %v", hostile[i], m)
		}
	}
}

func needTools(t *testing.T) {
	t.Helper()
	_, errDaemon := os.Stat(journald)
	_, errCtl := exec.LookPath("journalctl")
	if err := errors.Join(errDaemon, errCtl); err != nil {
		testenv.Missing(t, "needs systemd's journal (apt-get install systemd): %v", err)
	}
}

// mountRun gives /run a file system of its own.
func mountRun(t *testing.T) {
	t.Helper()
	mountTmpfs(t, "/run", "size=64m,mode=0755")
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		testenv.Missing(t, "needs a machine id (systemd-machine-id-setup)")
	}
	if err := os.MkdirAll("/run/log/journal/"+strings.TrimSpace(string(id)), 0o755); err != nil {
		t.Fatal(err)
	}
}
