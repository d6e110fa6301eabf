package restart

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv"
)

// unique makes a name that no other process has and that is longer than the
// kernel's 15 bytes.
func unique(name string) string { return name + "-to-restart-" + strconv.Itoa(os.Getpid()) }

// program writes a script of this name and ends all that runs of it with the
// test.
func program(t *testing.T, name, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range running(t, name) {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	})
	return file
}

// Programs that stay. sleep is not the shell's last command, so that no shell
// puts it into its own place. What comes before, such as a trap, is done once
// the file of readiness is there.
const (
	stays      = `touch "$0.ready" 2>/dev/null; while :; do sleep 0.2; done`
	staysStill = "trap '' TERM; " + stays
)

func running(t *testing.T, name string) []proctable.Process {
	t.Helper()
	found, err := newTable(t).Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// hang is a time after which something hangs for sure.
const hang = 30 * time.Second

// await waits for the one process of the name.
func await(t *testing.T, name string) proctable.Process {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < hang; time.Sleep(time.Millisecond) {
		if found := running(t, name); len(found) == 1 {
			return found[0]
		}
	}
	t.Fatalf("there is no one process %q: %v", name, running(t, name))
	return proctable.Process{}
}

// alreadyRuns starts the program as somebody else did before the alarm. It
// ends with stays.
func alreadyRuns(t *testing.T, file string) proctable.Process {
	t.Helper()
	cmd := exec.Command(file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go cmd.Wait()
	for begun := time.Now(); time.Since(begun) < hang; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(file + ".ready"); err == nil {
			return await(t, filepath.Base(file))
		}
	}
	t.Fatalf("%s does not get ready", file)
	return proctable.Process{}
}

// quick makes a Restarter without systemd that settles in an instant that no
// test's outcome depends on.
func quick(t *testing.T) *Restarter {
	r := newRestarter(t, nil)
	r.settle = 50 * time.Millisecond
	return r
}

// patient makes one that watches a start until it has ended.
func patient(t *testing.T) *Restarter {
	r := newRestarter(t, nil)
	r.settle = time.Hour
	return r
}

func processOrder(t *testing.T, r *Restarter, name, line string, change func(*config.Process)) recovery.Order {
	t.Helper()
	p := configured(name, func(p *config.Process) {
		p.Strategy, p.StartCommand = config.StrategyProcess, line
	})
	if change != nil {
		change(&p)
	}
	target, err := r.Resolve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return orderFor(p, target)
}

func TestARunningProcessIsReplaced(t *testing.T) {
	r, name := quick(t), unique("replaced")
	file := program(t, name, stays)
	before := alreadyRuns(t, file)
	if err := r.Restart(t.Context(), processOrder(t, r, name, file, nil)); err != nil {
		t.Fatal(err)
	}
	if after := await(t, name); after == before {
		t.Errorf("process %s still runs", before)
	}
}

func TestADeadProcessIsStarted(t *testing.T) {
	r, name := quick(t), unique("dead")
	file := program(t, name, stays)
	if err := r.Restart(t.Context(), processOrder(t, r, name, file, nil)); err != nil {
		t.Fatal(err)
	}
	await(t, name)
}

func TestAProcessThatIgnoresSIGTERMIsReplaced(t *testing.T) {
	r, name := quick(t), unique("stubborn")
	file := program(t, name, staysStill)
	before := alreadyRuns(t, file)
	o := processOrder(t, r, name, file, func(p *config.Process) { p.StopTimeout = 200 * time.Millisecond })
	if err := r.Restart(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if after := await(t, name); after == before {
		t.Errorf("process %s still runs", before)
	}
}

func TestAStartThatEndsWithAnErrorIsAFailedAttempt(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "not-executable")
	if err := os.WriteFile(notExecutable, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, want string }{
		{"exit 3", "exit status 3"},
		{"/nonexistent/program", "exit status 127, command not found"},
		{notExecutable, "exit status 126, cannot be executed"},
		{"kill -KILL $$", "killed by signal SIGKILL"},
	} {
		t.Run(c.line, func(t *testing.T) {
			r := patient(t)
			err := r.Restart(t.Context(), processOrder(t, r, unique("failing"), c.line, nil))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestACommandThatDetachesItselfHasStarted(t *testing.T) {
	r, name := patient(t), unique("daemon")
	file := program(t, name, stays)
	o := processOrder(t, r, name, "setsid "+file+" >/dev/null 2>&1 & exit 0", nil)
	if err := r.Restart(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	await(t, name)
}

func TestWhatIsStartedIsDetachedFromTheDaemon(t *testing.T) {
	r, name := quick(t), unique("detached")
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	t.Setenv("NOTIFY_SOCKET", "canary")
	file := program(t, name, "{ pwd; readlink /proc/$$/fd/0; readlink /proc/$$/fd/1; env | grep -e MONITOR -e canary; } >"+out+".tmp 2>/dev/null; "+
		"mv "+out+".tmp "+out+"; "+stays)
	o := processOrder(t, r, name, file, func(p *config.Process) { p.WorkingDirectory = dir })
	if err := r.Restart(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	p := await(t, name)
	for {
		if _, err := os.Stat(out); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	text, _ := os.ReadFile(out)
	// Within the braces descriptor 1 is the file.
	want := []string{dir, "/dev/null", out + ".tmp", "MONITOR_ATTEMPT=2", "MONITOR_PROCESS_ID=7", "MONITOR_PROCESS_NAME=" + name}
	for _, line := range want {
		if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
			t.Errorf("%q is not in %q", line, text)
		}
	}
	if strings.Contains(string(text), "canary") {
		t.Error("the daemon's own environment was passed on")
	}
	session := func(pid int) string {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		return strings.Fields(rest)[3]
	}
	if session(p.PID) == session(os.Getpid()) {
		t.Error("it is in the daemon's session")
	}
}

func TestAStoppingDaemonFinishesTheRestartThatItBegan(t *testing.T) {
	r, name := quick(t), unique("half-way")
	ctx, stop := context.WithCancel(t.Context())
	said := filepath.Join(t.TempDir(), "asked")
	file := program(t, name, "trap 'echo x >"+said+"' TERM; "+stays)
	before := alreadyRuns(t, file)
	go func() { // The daemon stops once the process was asked to end.
		for {
			if _, err := os.Stat(said); err == nil {
				stop()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	o := processOrder(t, r, name, file, func(p *config.Process) { p.StopTimeout = 2 * time.Second })
	if err := r.Restart(ctx, o); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() == nil {
		t.Fatal("the process was never asked to end")
	}
	if after := await(t, name); after == before {
		t.Error("the process was not replaced")
	}
}

func TestAStoppingDaemonBeginsNoRestart(t *testing.T) {
	r, name := quick(t), unique("not-begun")
	file := program(t, name, stays)
	before := alreadyRuns(t, file)
	ctx, stop := context.WithCancel(t.Context())
	o := processOrder(t, r, name, file, nil)
	stop()
	if err := r.Restart(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if after := await(t, name); after != before {
		t.Error("the process was replaced")
	}
}

func TestNothingIsStoppedThatCannotBeStarted(t *testing.T) {
	for _, c := range []struct {
		title     string
		change    func(*config.Process)
		permanent bool
	}{
		{"no such user", func(p *config.Process) { p.RunAs = "no-such-user-anywhere" }, true},
		{"no such directory", func(p *config.Process) { p.WorkingDirectory = "/nonexistent" }, false},
	} {
		t.Run(c.title, func(t *testing.T) {
			r, name := quick(t), unique("kept")
			file := program(t, name, stays)
			before := alreadyRuns(t, file)
			err := r.Restart(t.Context(), processOrder(t, r, name, file, c.change))
			if err == nil || errors.Is(err, recovery.ErrPermanent) != c.permanent {
				t.Errorf("got %v", err)
			}
			if after := await(t, name); after != before {
				t.Error("the process was replaced")
			}
		})
	}
}

func TestRunAs(t *testing.T) {
	r, name := quick(t), unique("run-as")
	if os.Geteuid() != 0 {
		_, err := resolveRunAs("root")
		if !errors.Is(err, errRunAs) {
			t.Errorf("another user without root: got %v", err)
		}
		testenv.NeedRoot(t, "only it starts processes as another user")
	}
	file := program(t, name, stays)
	// Everybody may pass through to the program.
	for d := filepath.Dir(file); d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(file, 0o755); err != nil {
		t.Fatal(err)
	}
	o := processOrder(t, r, name, file, func(p *config.Process) { p.RunAs = "nobody" })
	if err := r.Restart(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat("/proc/" + strconv.Itoa(await(t, name).PID))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 65534 {
		t.Errorf("it runs as %d", owner)
	}
}

func TestAProcessThatComesBackIsSaid(t *testing.T) {
	r, name := quick(t), unique("supervised")
	dir := t.TempDir()
	// It ends only once its successor is there and ready to do the same.
	file := program(t, name, `trap '"$0" & while ! test -e `+dir+`/$!; do sleep 0.01; done; exit 0' TERM; `+
		`: >`+dir+`/$$; `+stays)
	p := alreadyRuns(t, file)
	for {
		if _, err := os.Stat(filepath.Join(dir, p.String())); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	err := r.stopProcess(t.Context(), configured(name, nil))
	if err == nil || !strings.Contains(err.Error(), "something else starts it") {
		t.Errorf("got %v", err)
	}
}

func TestEndedChildrenAreReaped(t *testing.T) {
	r, name := patient(t), unique("reaped")
	file := program(t, name, "exit 5")
	if err := r.Restart(t.Context(), processOrder(t, r, name, file, nil)); err == nil {
		t.Fatal("no error")
	}
	r.children.mu.Lock()
	left := len(r.children.running)
	r.children.mu.Unlock()
	if left != 0 {
		t.Errorf("%d children are not reaped", left)
	}
}

func TestTheUnitOfAProcess(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"nginx", "monitored-nginx.service"},
		{"my app", `monitored-my\x20app.service`},
		{"a-b", `monitored-a\x2db.service`},
		{"../x", `monitored-\x2e.-x.service`},
	} {
		if got := processUnit(c.name); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
	seen := map[string]string{}
	for _, name := range hostileNames("/tmp/harm") {
		for _, unit := range []string{processUnit(name), customUnit(name, 3)} {
			if len(unit) > 255 {
				t.Errorf("%q: a name of %d bytes", name, len(unit))
			}
			if other, taken := seen[unit]; taken && other != name {
				t.Errorf("%q and %q have the unit %q", name, other, unit)
			}
			seen[unit] = name
		}
	}
}
