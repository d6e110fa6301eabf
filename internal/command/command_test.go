package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// long is a time limit that is reached only where something hangs.
const long = 30 * time.Second

func run(t *testing.T, s Spec) (string, *Error) {
	t.Helper()
	if s.Timeout == 0 {
		s.Timeout = long
	}
	out, err := Run(t.Context(), s)
	if err == nil {
		return out, nil
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("Run returned %T %v, want *Error", err, err)
	}
	return out, e
}

func TestOutputIsBothStreamsAndStdinIsEmpty(t *testing.T) {
	out, err := run(t, Spec{Line: "cat; echo out; echo err >&2"})
	if err != nil || out != "out\nerr\n" {
		t.Fatalf("got %q, %v", out, err)
	}
}

func TestArgsReachNoShell(t *testing.T) {
	out, err := run(t, Spec{Args: []string{"echo", "$HOME; false"}})
	if err != nil || out != "$HOME; false\n" {
		t.Fatalf("got %q, %v", out, err)
	}
}

func TestErrorsSayHowTheCommandFailed(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "plain-file")
	if err := os.WriteFile(notExecutable, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		kind Kind
		want string
	}{
		{"echo one; echo two; exit 3", KindExit, "key: exit status 3; its last output: one | two"},
		{"kill -SEGV $$", KindSignal, "key: killed by signal SIGSEGV"},
		{"exec /nonexistent/tool", KindExit, "exit status 127, command not found"},
		{notExecutable, KindExit, "exit status 126, cannot be executed"},
		{`printf 'a\033[31m\r\nb\001'; exit 1`, KindExit, `its last output: a\x1b[31m | b\x01`},
	} {
		t.Run(c.line, func(t *testing.T) {
			_, err := run(t, Spec{Key: "key", Line: c.line})
			if err == nil || err.Kind != c.kind || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s: %q", err, c.kind, c.want)
			}
		})
	}
}

func TestACommandThatCannotBeStartedIsAnError(t *testing.T) {
	_, err := run(t, Spec{Args: []string{"/nonexistent/tool"}})
	if err == nil || err.Kind != KindStart {
		t.Fatalf("got %v", err)
	}
}

// pidFile is where a command writes the pid of the process that matters.
func pidFile(t *testing.T) string { return filepath.Join(t.TempDir(), "pid") }

func readPID(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// lives says whether the process runs; a zombie does not.
func lives(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// waitGone waits until a process is gone.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for begun := time.Now(); lives(pid); time.Sleep(time.Millisecond) {
		if time.Since(begun) > long {
			t.Fatalf("process %d still lives", pid)
		}
	}
}

func TestTheTimeLimitKillsTheWholeGroup(t *testing.T) {
	file := pidFile(t)
	_, err := run(t, Spec{
		Key:     "key",
		Line:    "trap '' TERM; sleep 1000 & echo $! >" + file + "; echo waiting; wait",
		Timeout: 300 * time.Millisecond,
	})
	if err == nil || err.Kind != KindTimeout ||
		!strings.Contains(err.Error(), "time limit of 300ms; its last output: waiting") {
		t.Fatalf("got %v", err)
	}
	waitGone(t, readPID(t, file))
}

func TestAChildThatLeftTheGroupHangsNobody(t *testing.T) {
	file := pidFile(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = run(t, Spec{Line: "setsid sh -c 'echo $$ >" + file + "; exec sleep 1000' & " +
			"while ! test -s " + file + "; do sleep 0.01; done; echo started"})
	}()
	<-done // a hang would end in the test binary's own time limit
	pid := readPID(t, file)
	if !lives(pid) {
		t.Error("the child that left the group was killed")
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestLeftoverChildrenAreKilled(t *testing.T) {
	file := pidFile(t)
	if _, err := run(t, Spec{Line: "sleep 1000 & echo $! >" + file}); err != nil {
		t.Fatal(err)
	}
	waitGone(t, readPID(t, file))
}

func TestKeptChildrenSurviveAndMayGoOnWriting(t *testing.T) {
	dir := t.TempDir()
	pid, round := filepath.Join(dir, "pid"), filepath.Join(dir, "round")
	// The child writes to its inherited output after the command's end and
	// after Run has returned, and says after each write that it still lives.
	child := `while test -e ` + dir + `/go; do echo x; echo y >>` + round + `; sleep 0.01; done`
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, Spec{Line: "(" + child + ") & echo $! >" + pid + "; echo started", KeepChildren: true})
	if err != nil || !strings.Contains(out, "started") {
		t.Fatalf("got %q, %v", out, err)
	}
	before, _ := os.ReadFile(round)
	for {
		now, _ := os.ReadFile(round)
		if len(now) > len(before)+4 {
			break
		}
		if !lives(readPID(t, pid)) {
			t.Fatal("the child died of writing to its output")
		}
		time.Sleep(time.Millisecond)
	}
	_ = os.Remove(filepath.Join(dir, "go"))
	waitGone(t, readPID(t, pid))
}

func TestATimeLimitLeavesNoKeptChildren(t *testing.T) {
	file := pidFile(t)
	_, err := run(t, Spec{
		Line:    "sleep 1000 & echo $! >" + file + "; wait",
		Timeout: 300 * time.Millisecond, KeepChildren: true,
	})
	if err == nil || err.Kind != KindTimeout {
		t.Fatalf("got %v", err)
	}
	waitGone(t, readPID(t, file))
}

func TestAStoppingDaemonIsNotATimeLimit(t *testing.T) {
	stopping := errors.New("stopping")
	ctx, stop := context.WithCancelCause(t.Context())
	file := pidFile(t)
	go func() {
		for {
			if text, _ := os.ReadFile(file); len(text) > 0 {
				stop(stopping)
				return
			}
			runtime.Gosched()
		}
	}()
	_, err := Run(ctx, Spec{Line: "echo $$ >" + file + "; exec sleep 1000", Timeout: long})
	var e *Error
	if !errors.As(err, &e) || e.Kind != KindCanceled || !errors.Is(err, stopping) {
		t.Fatalf("got %v", err)
	}
}

func TestMuchOutputCostsNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, err := run(t, Spec{Line: "head -c 100000000 /dev/zero; echo end"})
	runtime.ReadMemStats(&after)
	if err != nil || len(out) != keptOutput || !strings.HasSuffix(out, "\x00end\n") {
		t.Fatalf("got %d bytes, %v", len(out), err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("allocated %d bytes for 100 MB of output", grown)
	}
}

func TestTheEnvironmentKeepsTheDaemonsOwnToItself(t *testing.T) {
	for _, v := range []string{
		"MONITOR_SERVICE_DATABASE_PASSWORD", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"CREDENTIALS_DIRECTORY", "LISTEN_FDS", "JOURNAL_STREAM", "INVOCATION_ID",
	} {
		t.Setenv(v, "canary-"+v)
	}
	t.Setenv("MONITOR_TEST_KEPT", "kept")
	out, err := run(t, Spec{Line: "env | sort | grep -e canary -e ^MONITOR_", Process: "ng\x00inx\n\xff", ID: 7, Attempt: 2})
	want := "MONITOR_ATTEMPT=2\nMONITOR_PROCESS_ID=7\nMONITOR_PROCESS_NAME=ng\uFFFDinx\uFFFD\uFFFD\nMONITOR_TEST_KEPT=kept\n"
	if err != nil || out != want {
		t.Fatalf("got %q, %v, want %q", out, err, want)
	}
}

func TestLastLinesAreBoundedAndOnOneLine(t *testing.T) {
	for _, c := range []struct{ name, output, want string }{
		{"nothing", "", ""},
		{"empty lines", "\n \n\t\n", ""},
		{"the last ones", "1\n2\n3\n4\n5\n6\n", "2 | 3 | 4 | 5 | 6"},
		{"quotes and backslashes", `say "a\b"`, `say "a\b"`},
		{"not UTF-8", "a\xffb", `a\xffb`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := LastLines(c.output); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := LastLines(strings.Repeat("é", 4000)); len(got) > shownBytes+len("…") || got == "" {
		t.Errorf("one long line: %d bytes", len(got))
	}
}
