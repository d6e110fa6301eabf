package restart

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/recovery"
)

// startChild starts the process detached from this daemon: a session of its
// own, no input, no output. It is the daemon's child all the same, and is
// adopted by init when the daemon ends.
func (r *Restarter) startChild(ctx context.Context, o recovery.Order, who identity) error {
	args := shell(o.Target.Command)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = workingDirectory(o.Process)
	cmd.Env = append(command.Environ(o.Process.Name, o.ID, o.Attempt), who.variables...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: who.credential}
	ended, err := r.children.start(cmd)
	if err != nil {
		return fmt.Errorf("start_command: cannot be started: %w", err)
	}
	settled := time.NewTimer(r.settle)
	defer settled.Stop()
	select {
	case status := <-ended:
		return describe(status)
	case <-settled.C:
	case <-ctx.Done():
	}
	return nil
}

// describe says how a process ended that ended right after its start. Status 0
// is no error: it has put itself into the background, and the health check
// looks for it there.
func describe(status syscall.WaitStatus) error {
	switch {
	case status.Signaled():
		return fmt.Errorf("start_command ended right after its start: killed by signal %s",
			command.SignalName(status.Signal()))
	case status.ExitStatus() != 0:
		return fmt.Errorf("start_command ended right after its start: %s",
			command.DescribeStatus(status.ExitStatus()))
	}
	return nil
}

// children reaps the processes that the daemon started itself and that may
// live as long as it does. One goroutine does it for all of them, woken by
// SIGCHLD: waiting for one process each could not be ended.
type children struct {
	mu      sync.Mutex
	running map[int]chan<- syscall.WaitStatus
	// wake has room for one signal: one look reaps all that have ended.
	wake chan os.Signal
	stop chan struct{}
	done chan struct{}
}

func newChildren() *children {
	c := &children{
		running: make(map[int]chan<- syscall.WaitStatus),
		wake:    make(chan os.Signal, 1),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	signal.Notify(c.wake, syscall.SIGCHLD)
	go c.reap()
	return c
}

// start starts a command and returns where its end will be told.
func (c *children) start(cmd *exec.Cmd) (<-chan syscall.WaitStatus, error) {
	// Under the lock, so that a child that ends at once is known by the
	// time that it is looked for.
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// Room for the one status there will be: nobody may be listening.
	ended := make(chan syscall.WaitStatus, 1)
	c.running[cmd.Process.Pid] = ended
	_ = cmd.Process.Release() // It is reaped by its number.
	return ended, nil
}

func (c *children) reap() {
	defer close(c.done)
	for {
		select {
		case <-c.stop:
			return
		case <-c.wake:
			c.reapEnded()
		}
	}
}

// reapEnded asks for each process by its number: the daemon has other children
// whose end is waited for elsewhere.
func (c *children) reapEnded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid, ended := range c.running {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if err == nil && got == 0 {
			continue // It still runs.
		}
		delete(c.running, pid)
		ended <- status
	}
}

func (c *children) close() {
	signal.Stop(c.wake)
	close(c.stop)
	<-c.done
}
