package demo

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// daemonProcess is the real daemon, a process of its own.
type daemonProcess struct {
	cmd *exec.Cmd
	// ended has capacity 1 and receives the daemon's end.
	ended chan error
}

// startDaemon runs this very binary as the service would be run, and tells
// every line that it logs. It runs until it is stopped, also when the context
// ends; where the demo is killed and can stop nothing, the kernel does.
func (s *stage) startDaemon(ctx context.Context) error {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.program, "run", "--config", s.path("config.ini"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MONITOR_SERVICE_") || strings.HasPrefix(v, "JOURNAL_STREAM=") ||
			strings.HasPrefix(v, "NOTIFY_SOCKET=") ||
			strings.HasPrefix(v, "STATE_DIRECTORY=") || strings.HasPrefix(v, "RUNTIME_DIRECTORY=")
	})
	cmd.Env = append(cmd.Env, "STATE_DIRECTORY="+s.dir, "RUNTIME_DIRECTORY="+s.dir)
	lines, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	d := &daemonProcess{cmd: cmd, ended: make(chan error, 1)}
	started := make(chan error, 1) // so that its sender never waits
	go func() {
		// To the kernel, the parent of Pdeathsig is the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		for scan := bufio.NewScanner(lines); scan.Scan(); {
			s.out.daemon(scan.Text())
		}
		d.ended <- cmd.Wait()
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("cannot start the daemon: %w", err)
	}
	s.daemon = d
	return nil
}

// stop ends the daemon as systemd would.
func (d *daemonProcess) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case err := <-d.ended:
		if err != nil {
			return fmt.Errorf("the daemon did not end well: %w", err)
		}
		return nil
	case <-time.After(patience):
		_ = d.cmd.Process.Kill()
		return fmt.Errorf("the daemon did not end within %s", patience)
	}
}
