//go:build e2e

package unitcommand

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/command"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/host"
)

// TestOnAHostUnderSystemd runs the tests below, which are named TestReal, on a
// whole host.
func TestOnAHostUnderSystemd(t *testing.T) { host.RunInside(t, "^TestReal") }

// long is a time limit that is reached only where something hangs.
const long = 30 * time.Second

// bench has a runner on the real systemd and a directory that the commands
// see, too.
type bench struct {
	run   command.Runner
	units Units
	dir   string
}

func onRealSystemd(t *testing.T) bench {
	t.Helper()
	host.RequireInside(t)
	client := systemd.NewClient()
	t.Cleanup(client.Close)
	dir := t.TempDir()
	return bench{run: Runner(client, dir, "a"), units: client, dir: dir}
}

// ownUnit prints the unit that it runs in, with either kind of control groups.
const ownUnit = `sed -n -e 's|^1:name=systemd:/system.slice/||p' -e 's|^0::/system.slice/||p' /proc/self/cgroup | head -n 1`

// ask runs a command line and returns its output and how it failed.
func (b bench) ask(t *testing.T, s command.Spec) (string, *command.Error) {
	t.Helper()
	if s.Timeout == 0 {
		s.Timeout = long
	}
	out, err := b.run(t.Context(), s)
	if err == nil {
		return out, nil
	}
	var e *command.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want *command.Error", err, err)
	}
	return out, e
}

// host runs a command line beside the runner.
func (b bench) host(t *testing.T, line string) string {
	t.Helper()
	out, err := command.Run(t.Context(), command.Spec{Line: line, Timeout: long})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return out
}

// TestRealCommandsRunAsOnesOfTheDaemonDo runs each on both and compares what
// is told of it.
func TestRealCommandsRunAsOnesOfTheDaemonDo(t *testing.T) {
	b := onRealSystemd(t)
	plain := filepath.Join(b.dir, "plain-file")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []command.Spec{
		{Line: "cat; echo out; echo err >&2; pwd; umask"},
		{Line: "echo one; echo two; exit 3"},
		{Line: "kill -SEGV $$"},
		{Line: "kill -KILL $$"},
		{Line: "exec /nonexistent/tool"},
		{Line: plain},
		{Line: `printf 'a\033[31m\r\nb\001'; exit 1`},
		{Line: `echo "100% $HOME ${HOME} $$" | sed s/[0-9]*$//; exit 255`},
		{Line: "head -c 10000000 /dev/zero; echo end"},
		{Line: "echo $MONITOR_PROCESS_NAME $MONITOR_PROCESS_ID $MONITOR_ATTEMPT", Process: "ng\x00inx\n\xff", ID: 7, Attempt: 2},
	} {
		s.Key, s.Timeout = "key", long
		s.Variables = []string{"HOME=/root"} // systemd sets it where a user is named
		wantOut, wantErr := command.Run(t.Context(), s)
		out, err := b.run(t.Context(), s)
		if len(wantOut) > 4000 {
			// Of much output the end is kept, and a few bytes less of it.
			wantOut = wantOut[100:]
			out = out[max(0, len(out)-len(wantOut)):]
		}
		if diff := cmp.Diff(wantOut, out); diff != "" {
			t.Errorf("%s: -child +unit:\n%s", s.Line, diff)
		}
		if (wantErr == nil) != (err == nil) || err != nil && wantErr.Error() != err.Error() {
			t.Errorf("%s: got %v, a child: %v", s.Line, err, wantErr)
		}
	}
}

func TestRealVariablesReachTheCommandAndNobodyElse(t *testing.T) {
	b := onRealSystemd(t)
	want := "a 'b' \"c\" \\ $HOME `id` %n\nline 2 \\\n\tüber"
	line := `printf %s "$TEXT"; systemctl show -p Environment "$(` + ownUnit + `)" >` + b.dir + `/seen`
	out, err := b.ask(t, command.Spec{Line: line, Variables: []string{"OTHER=", "TEXT=" + want}})
	if err != nil || out != want {
		t.Errorf("got %q, %v", out, err)
	}
	seen := b.host(t, "cat "+b.dir+"/seen")
	if !strings.Contains(seen, "MONITOR_ATTEMPT") || strings.Contains(seen, "TEXT") {
		t.Errorf("every user sees %q", seen)
	}
	if left := b.host(t, "ls "+b.dir); left != "seen\n" {
		t.Errorf("left: %q", left)
	}
}

// readPID reads what a command wrote.
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

func waitGone(t *testing.T, pid int) {
	t.Helper()
	for begun := time.Now(); syscall.Kill(pid, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Since(begun) > long {
			t.Fatalf("process %d still lives", pid)
		}
	}
}

func TestRealTimeLimitKillsAllOfTheCommand(t *testing.T) {
	b := onRealSystemd(t)
	file := filepath.Join(b.dir, "pid")
	_, err := b.ask(t, command.Spec{
		Key:     "key",
		Line:    "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ >" + file + "; sleep 1000; sleep 1000' & echo waiting; wait; sleep 1000",
		Timeout: time.Second,
	})
	if err == nil || err.Kind != command.KindTimeout ||
		!strings.Contains(err.Error(), "key: killed at its time limit of 1s; its last output: waiting") {
		t.Fatalf("got %v", err)
	}
	waitGone(t, readPID(t, file))
}

func TestRealLeftoversAreKilled(t *testing.T) {
	b := onRealSystemd(t)
	file := filepath.Join(b.dir, "pid")
	line := "setsid sh -c 'trap \"\" TERM; echo $$ >" + file + "; sleep 1000; sleep 1000' & while ! test -s " + file + "; do sleep 0.01; done; echo started"
	out, err := b.ask(t, command.Spec{Line: line})
	if err != nil || out != "started\n" {
		t.Fatalf("got %q, %v", out, err)
	}
	waitGone(t, readPID(t, file))
}

func TestRealStoppingDaemonEndsItsCommand(t *testing.T) {
	b := onRealSystemd(t)
	file := filepath.Join(b.dir, "pid")
	stopping := errors.New("stopping")
	ctx, stop := context.WithCancelCause(t.Context())
	go func() {
		for ctx.Err() == nil {
			if text, _ := os.ReadFile(file); len(text) > 0 {
				stop(stopping)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, err := b.run(ctx, command.Spec{Line: "echo $$ >" + file + "; exec sleep 1000", Timeout: long})
	var e *command.Error
	if !errors.As(err, &e) || e.Kind != command.KindCanceled || !errors.Is(err, stopping) {
		t.Fatalf("got %v", err)
	}
	waitGone(t, readPID(t, file))
}

// What runs goes on when the bus is lost, and nothing is begun beside it.
func TestRealLostBusLeavesTheCommandItsTime(t *testing.T) {
	b := onRealSystemd(t)
	file := filepath.Join(b.dir, "ended")
	line := "systemctl restart dbus.service; sleep 0.5; echo over; echo >>" + file + "; exit 3"
	out, err := b.ask(t, command.Spec{Key: "key", Line: line})
	if out != "over\n" || err == nil || err.Kind != command.KindExit || err.Status != 3 {
		t.Errorf("got %q, %v", out, err)
	}
	if got := b.host(t, "cat "+file); got != "\n" {
		t.Errorf("it was run %d times", len(got))
	}
	b.nothingIsLeft(t)
}

func TestRealCommandWaitsForABusThatIsDown(t *testing.T) {
	b := onRealSystemd(t)
	b.host(t, "systemctl stop dbus.socket dbus.service")
	back := make(chan struct{})
	go func() {
		defer close(back)
		time.Sleep(time.Second) // it is down for that long
		_, _ = command.Run(context.Background(), command.Spec{Line: "systemctl start dbus.socket dbus.service", Timeout: long})
	}()
	_, err := b.ask(t, command.Spec{Key: "key", Line: "true", Timeout: 300 * time.Millisecond})
	if err == nil || err.Kind != command.KindStart || !errors.Is(err, systemd.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if out, err := b.ask(t, command.Spec{Line: "echo back"}); err != nil || out != "back\n" {
		t.Errorf("got %q, %v", out, err)
	}
	<-back
}

func TestRealCommandsLeaveNoTrace(t *testing.T) {
	b := onRealSystemd(t)
	since := strings.TrimSpace(b.host(t, "date +@%s.%N"))
	for _, line := range []string{"true", "false", "kill -9 $$", "echo said; sleep 0.1 &"} {
		_, _ = b.ask(t, command.Spec{Line: line, Key: "health_check_command", Process: "nginx"})
	}
	b.nothingIsLeft(t)
	b.host(t, "journalctl --sync")
	// PID 1 says nothing of the units, and what they print is not there.
	if out := b.host(t, "journalctl -q -o cat --since="+since+" | grep -e nginx -e monitored -e said || true"); out != "" {
		t.Errorf("the journal has:\n%s", out)
	}
}

func (b bench) nothingIsLeft(t *testing.T) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		out := b.host(t, "systemctl list-units --all --no-legend '"+prefix+"*'")
		if out == "" {
			return
		}
		if time.Since(begun) > long {
			t.Fatalf("left: %s", out)
		}
	}
}

// A daemon that was killed has not ended its commands.
func TestRealSuccessorEndsWhatItsPredecessorHasLeft(t *testing.T) {
	b := onRealSystemd(t)
	hangs := func(run command.Runner, file string) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := run(t.Context(), command.Spec{Line: "echo $$ >" + file + "; sleep 1000; sleep 1000", Timeout: long})
			ended <- err
		}()
		for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			if text, _ := os.ReadFile(file); len(text) > 0 {
				return ended
			}
			if time.Since(begun) > long {
				t.Fatal("it was not begun")
			}
		}
	}
	file, other := filepath.Join(b.dir, "pid"), filepath.Join(b.dir, "other")
	left := hangs(b.run, file)
	foreign := hangs(Runner(b.units, b.dir, "b"), other)
	successor := b
	successor.run = Runner(b.units, b.dir, "a")
	line := "! kill -0 " + strconv.Itoa(readPID(t, file)) + " && kill -0 " + strconv.Itoa(readPID(t, other))
	if out, err := successor.ask(t, command.Spec{Line: line}); err != nil {
		t.Errorf("it did not run alone, or beside nobody: %q, %v", out, err)
	}
	if err := <-left; err == nil {
		t.Error("the command that was ended went well")
	}
	if syscall.Kill(readPID(t, other), syscall.SIGKILL); <-foreign == nil {
		t.Error("so did the other one")
	}
}

func TestRealCommandsAreOutsideOfTheDaemon(t *testing.T) {
	b := onRealSystemd(t)
	out, err := b.ask(t, command.Spec{Line: ownUnit})
	if err != nil || !strings.HasPrefix(out, prefix) {
		t.Errorf("it runs in %q, %v", out, err)
	}
}

// Systemd reads the units again from what it has written of them, at any time.
func TestRealReloadOfSystemdChangesNoCommand(t *testing.T) {
	b := onRealSystemd(t)
	ctx, cancel := context.WithCancel(t.Context())
	reloads := make(chan struct{})
	go func() {
		defer close(reloads)
		_, _ = command.Run(ctx, command.Spec{Line: "while systemctl daemon-reload; do :; done", Timeout: long})
	}()
	for range 25 {
		out, err := b.ask(t, command.Spec{Line: `sleep 0.02; echo "a  b" '$HOME' $((1+1)) %n ; echo "\\"; (exit 3)`})
		if want := "a  b $HOME 2 %n\n\\\n"; out != want || err == nil || err.Status != 3 {
			t.Errorf("got %q, %v", out, err)
		}
	}
	cancel()
	<-reloads
}
