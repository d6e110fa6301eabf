package demo

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// daemonBinary builds the real daemon.
func daemonBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "monitor_service")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", bin, "monitor_service/cmd/monitor_service")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the daemon: %v\n%s", err, out)
	}
	return bin
}

// script writes a program that stands in for a daemon that does its job badly.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "daemon")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func leftovers(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "monitor_service-demo-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAllIsAsTold(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	if err := run(t.Context(), &out, daemonBinary(t), time.Minute); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "All as told.") || strings.Contains(out.String(), "FAIL") {
		t.Errorf("it told:\n%s", out.String())
	}
	if l := leftovers(t); len(l) > 0 {
		t.Errorf("left behind: %v", l)
	}
}

func TestDaemonThatDoesNothingIsFoundOut(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	idle := script(t, "trap 'exit 0' TERM\nwhile :; do sleep 0.1; done\n")
	if err := run(t.Context(), &out, idle, time.Second); err == nil {
		t.Errorf("all is well without a daemon:\n%s", out.String())
	}
	if n := strings.Count(out.String(), "  FAIL  "); n != 3 {
		t.Errorf("%d failures told, want 3:\n%s", n, out.String())
	}
	if l := leftovers(t); len(l) > 0 {
		t.Errorf("left behind: %v", l)
	}
}

// TestDaemonWithoutBreakerIsFoundOut runs the real daemon with another breaker
// than the demo asks for: one that never opens, and one that opens for a moment.
func TestDaemonWithoutBreakerIsFoundOut(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	daemon := daemonBinary(t)
	for _, setting := range []string{"MAX_RESTART_FAILURES=1000", "CIRCUIT_RESET_TIME=300ms"} {
		other := script(t, "export MONITOR_SERVICE_MONITOR_"+setting+"\nexec '"+daemon+"' \"$@\"\n")
		t.Run(setting, func(t *testing.T) {
			var out strings.Builder
			if err := run(t.Context(), &out, other, time.Minute); err == nil {
				t.Errorf("all is well with it:\n%s", out.String())
			}
			if told := out.String(); strings.Count(told, "  FAIL  ") != 1 || !strings.Contains(told, "  FAIL  a process that kept failing opened its breaker") {
				t.Errorf("not told that it is the breaker, or more than that:\n%s", told)
			}
		})
	}
}

func TestDaemonThatEndsIsFoundOut(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	if err := run(t.Context(), &out, script(t, "exit 3\n"), time.Minute); err == nil {
		t.Errorf("all is well after the daemon's end:\n%s", out.String())
	}
}

func TestInterruptedDemoCleansUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, &strings.Builder{}, script(t, "sleep 60\n"), time.Minute); err == nil {
		t.Error("an interrupted demo succeeded")
	}
	if l := leftovers(t); len(l) > 0 {
		t.Errorf("left behind: %v", l)
	}
}
