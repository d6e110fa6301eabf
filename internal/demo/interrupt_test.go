package demo

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Two moments of a demo: its daemon runs and a sample was killed, and then the
// daemon has started that sample again.
const (
	started   = "| INFO - Started"
	recovered = webserver + " runs as process "
)

// demoUnderWay is a demo, a process of its own, in the midst of its play.
type demoUnderWay struct {
	cmd    *exec.Cmd
	stdout *os.File
	// tmp is where its directory is, and in the arguments of every process
	// that belongs to it.
	tmp string
}

func playDemo(t *testing.T, program, at string) *demoUnderWay {
	t.Helper()
	// Not t.TempDir: the path of a socket must be short.
	tmp, err := os.MkdirTemp("", "demo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	d := &demoUnderWay{tmp: tmp, cmd: exec.Command(program, "demo")}
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.tmp)
	d.cmd.Stderr = t.Output()
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.stdout, d.cmd.Stdout = read, write
	err = d.cmd.Start()
	_ = write.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // it has ended, unless the test failed
		_ = d.stdout.Close()
		for _, pid := range d.processes(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	var told strings.Builder
	for lines := bufio.NewScanner(d.stdout); lines.Scan(); {
		told.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), at) {
			if n := len(d.processes(t)); n < 4 {
				t.Fatalf("%d processes are found, want the daemon and three samples or four", n)
			}
			return d
		}
	}
	t.Fatalf("it ended before %q, and told:\n%s", at, told.String())
	return nil
}

// processes finds all that belongs to the demo, whoever has started it.
func (d *demoUnderWay) processes(t *testing.T) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, dir := range dirs {
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !bytes.Contains(args, []byte(d.tmp)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func (d *demoUnderWay) wantNothingLeft(t *testing.T) {
	t.Helper()
	if pids := d.processes(t); len(pids) > 0 {
		t.Errorf("the processes %v live on", pids)
	}
	left, err := os.ReadDir(d.tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// hearSignals lets the children of this process be ended by what it may have
// been started with as ignored.
func hearSignals(t *testing.T) {
	t.Helper()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGINT, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(heard) })
}

func TestDemoThatIsEndedBySignalLeavesNothing(t *testing.T) {
	hearSignals(t)
	program := daemonBinary(t)
	for _, c := range []struct {
		name string
		at   string
		end  func(d *demoUnderWay) error
		code int
	}{
		{"CtrlC", started, func(d *demoUnderWay) error { return syscall.Kill(-d.cmd.Process.Pid, syscall.SIGINT) }, 130},
		{"SIGINT", recovered, func(d *demoUnderWay) error { return d.cmd.Process.Signal(syscall.SIGINT) }, 130},
		{"SIGTERM", started, func(d *demoUnderWay) error { return d.cmd.Process.Signal(syscall.SIGTERM) }, 143},
		{"SIGHUP", started, func(d *demoUnderWay) error { return d.cmd.Process.Signal(syscall.SIGHUP) }, 129},
		{"ClosedStdout", started, func(d *demoUnderWay) error { return d.stdout.Close() }, 141},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := playDemo(t, program, c.at)
			if err := c.end(d); err != nil {
				t.Fatal(err)
			}
			var status *exec.ExitError
			if err := d.cmd.Wait(); !errors.As(err, &status) || status.ExitCode() != c.code {
				t.Errorf("it ended with %v, want exit status %d", err, c.code)
			}
			d.wantNothingLeft(t)
		})
	}
	// Nothing can be cleaned up then, but what runs must not run for ever.
	t.Run("SIGKILL", func(t *testing.T) {
		d := playDemo(t, program, recovered)
		if err := d.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = d.cmd.Wait() // it was killed
		for deadline := time.Now().Add(time.Minute); len(d.processes(t)) > 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the processes %v live on", d.processes(t))
			}
		}
	})
}
