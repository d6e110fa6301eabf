package proctable

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTerminateWaitsUntilAllAreGone(t *testing.T) {
	name := unique("goes-when-asked")
	file := program(t, name)
	first := start(t, false, exec.Command(file, "1000"))
	second := start(t, false, exec.Command(file, "1000"))
	procs := wantFound(t, name, first.Process.Pid, second.Process.Pid)
	// The zombies are nobody's business until the test reaps them.
	if err := table(t).Terminate(t.Context(), procs, time.Minute); err != nil {
		t.Fatal(err)
	}
	wantFound(t, name)
	for _, cmd := range []*exec.Cmd{first, second} {
		wantEndedBy(t, cmd, syscall.SIGTERM)
	}
}

func wantEndedBy(t *testing.T, cmd *exec.Cmd, want syscall.Signal) {
	t.Helper()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatalf("ended with %v", err)
	}
	if status, _ := exit.Sys().(syscall.WaitStatus); status.Signal() != want {
		t.Errorf("ended by %v, want %v", status.Signal(), want)
	}
}

func TestWhoIgnoresSIGTERMIsKilledAfterTheStopTimeout(t *testing.T) {
	name := unique("ignores-sigterm")
	cmd := startScript(t, name, "#!/bin/sh\ntrap '' TERM\n")
	procs := wantFound(t, name, cmd.Process.Pid)
	begun := time.Now()
	if err := table(t).Terminate(t.Context(), procs, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("killed after %s", took)
	}
	wantEndedBy(t, cmd, syscall.SIGKILL)
}

func TestAStoppedProcessActsOnSIGTERM(t *testing.T) {
	name := unique("stopped")
	cmd := start(t, false, exec.Command(program(t, name), "1000"))
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	procs := wantFound(t, name, cmd.Process.Pid)
	if err := table(t).Terminate(t.Context(), procs, time.Minute); err != nil {
		t.Fatal(err)
	}
	wantEndedBy(t, cmd, syscall.SIGTERM)
}

func TestWhoSurvivesSIGKILLIsNamed(t *testing.T) {
	// A process stuck in the kernel cannot be had. Its picture can: an entry
	// of a table in which nothing ever changes. Its number is beyond what
	// the kernel gives out, so that no process is signalled.
	const pid = 1 << 29
	tab := fixture(t, map[int]map[string]string{pid: {"stat": stat(pid, "stuck", "D", 0, 1)}})
	tab.killWait = time.Millisecond
	err := tab.Terminate(t.Context(), []Process{{PID: pid, Start: 4711}}, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "536870912") {
		t.Fatalf("got %v", err)
	}
}

func TestTerminateEndsWithItsContext(t *testing.T) {
	name := unique("waited-for")
	cmd := startScript(t, name, "#!/bin/sh\ntrap '' TERM\n")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := table(t).Terminate(ctx, wantFound(t, name, cmd.Process.Pid), time.Hour)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

// asNobody runs the test again as a user without privileges.
func asNobody(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "proctable") // t.TempDir is not for others
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "test")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(copied, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("as nobody: %v\n%s", err, out)
	}
}

func TestAProcessThatMayNotBeSignalledIsAnError(t *testing.T) {
	if os.Getuid() == 0 {
		asNobody(t)
		return
	}
	tab := table(t)
	proc, err := tab.fs.Proc(1)
	if err != nil {
		t.Fatal(err)
	}
	st, err := proc.Stat()
	if err != nil {
		t.Fatal(err)
	}
	err = tab.Terminate(t.Context(), []Process{{PID: 1, Start: st.Starttime}}, time.Minute)
	if !errors.Is(err, os.ErrPermission) {
		t.Fatalf("got %v", err)
	}
}
