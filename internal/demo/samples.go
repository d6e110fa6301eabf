package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sampleScript is a process that shows its pulse in a file, so that its health
// is a fact. It notes each of its starts with the host's uptime in seconds, a
// clock that nobody sets, refuses to run while a file says
// that it is broken, and while another one says that it is wedged it neither
// shows a pulse nor hears SIGTERM. A fresh start is not wedged. It ends with
// the demo, also with one that was killed and could not clean up.
const sampleScript = `#!/bin/sh
cd '%[1]s' || exit 1
rm -f %[2]s.wedged
read -r up idle < /proc/uptime
echo "$up" >> %[2]s.starts
if [ -e %[2]s.broken ]; then
	echo "%[2]s: cannot read its settings" >&2
	exit 1
fi
echo $$ > %[2]s.pid
while kill -0 %[3]d 2>/dev/null; do
	if [ -e %[2]s.wedged ]; then trap '' TERM; else : > %[2]s.pulse; fi
	sleep 0.1
done
`

const (
	// pulseEvery is the pause in sampleScript.
	pulseEvery = 100 * time.Millisecond
	// resetTime is the circuit_reset_time of the demo's daemon.
	resetTime = 3 * time.Second
	// uptimeStep is how exact /proc/uptime is, proc_uptime(5).
	uptimeStep = 10 * time.Millisecond
)

func (s *stage) writeSample(name string) error {
	text := fmt.Sprintf(sampleScript, s.dir, name, os.Getpid())
	return os.WriteFile(s.path(name), []byte(text), 0o700) //nolint:gosec // a program must be executable
}

// config is the configuration of the demo's daemon.
func (s *stage) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, `[database]
driver = sqlite
path = %s

[monitor]
check_interval = 200ms
max_restart_failures = 2
circuit_reset_time = %s

[logging]
file = %s

[control]
socket = %s

[process.default]
restart_strategy = process
stop_timeout = 1
max_attempts = 1
health_check_timeout = 3
health_check_interval = 100ms
`, s.path("alarms.db"), resetTime, s.path("monitor_service.log"), s.path("control.sock"))
	for _, name := range samples {
		pulse := s.path(name + ".pulse")
		fmt.Fprintf(&b, "\n[process.%s]\nstart_command = %s\nhealth_check_command = rm -f %s; sleep 0.3; test -e %s\n",
			name, s.path(name), pulse, pulse)
	}
	return b.String()
}

// startSample starts a sample that nobody waits for, as a boot script would.
func (s *stage) startSample(ctx context.Context, name string) error {
	cmd := exec.Command(s.path(name)) //nolint:noctx // it outlives this call
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the sample %q: %w", name, err)
	}
	go func() { _ = cmd.Wait() }() // reaps it, whoever ends it
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		if s.running(name) != 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the sample %q did not start", name)
}

// running returns the sample's process id, or 0 where it does not run.
func (s *stage) running(name string) int {
	text, err := os.ReadFile(s.path(name + ".pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || !isSample(pid, name) {
		return 0
	}
	return pid
}

// isSample looks at the process itself, since its id may have been given to
// another one.
func isSample(pid int, name string) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	return bytes.Contains(stat, []byte("("+name+")")) && !bytes.Contains(stat, []byte(") Z "))
}

func (s *stage) starts(name string) int { return len(s.startTimes(name)) }

// startTimes is when the sample was started, by the host's uptime. A start that
// is just being written down is not among them yet.
func (s *stage) startTimes(name string) []time.Duration {
	text, err := os.ReadFile(s.path(name + ".starts"))
	if err != nil {
		return nil
	}
	var times []time.Duration
	for line := range strings.Lines(string(text)) {
		seconds, whole := strings.CutSuffix(line, "\n")
		up, err := time.ParseDuration(seconds + "s")
		if err != nil || !whole {
			break
		}
		times = append(times, up)
	}
	return times
}

func (s *stage) signal(name string, sig syscall.Signal) error {
	pid := s.running(name)
	if pid == 0 {
		return fmt.Errorf("the sample %q does not run", name)
	}
	return syscall.Kill(pid, sig)
}

// killSamples ends every sample, whoever has started it and whether or not it
// has come to write its process id down, and waits until they are gone.
func (s *stage) killSamples() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		pids := s.allRunning()
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the samples with process ids %v still run %s after SIGKILL", pids, patience)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
}

// allRunning finds the samples in the process table. Their programs are in a
// directory that nobody else has.
func (s *stage) allRunning() []int {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil // the pattern is well-formed
	}
	var pids []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // it has ended
		}
		for _, name := range samples {
			if bytes.Contains(args, []byte("\x00"+s.path(name)+"\x00")) && isSample(pid, name) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
