// Package command runs one external command line of the configuration: a
// shell, nothing on stdin, a process group of its own, a time limit, bounded
// output whose last lines stand in the error, and an environment that gives
// away nothing of the daemon's. It also knows how the process's name gets
// into a command line, and when it may not. What to run, when, and what a
// failure means is decided elsewhere; services that stay are started by
// package restart.
package command

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Shell runs every command line, as the contract with the users has it.
const Shell = "/bin/sh"

const (
	// drainTime is how long output is waited for after the command has
	// ended. Its own output is in the pipe by then; only a child that left
	// the process group can hold the pipe open for longer.
	drainTime = 250 * time.Millisecond
	// killTime is how long a killed command may take to die. One that is
	// stuck in the kernel, on a dead NFS server for example, dies when the
	// kernel lets go of it, and nobody can wait for that.
	killTime = 5 * time.Second
)

// Spec is one run of a command.
type Spec struct {
	// Key names the command in errors: the key of the configuration that
	// holds it.
	Key string
	// Line is run by the shell. The name is already filled in, see Expand.
	Line string
	// Args is run as it is, without a shell, where Line is empty.
	Args []string
	// Timeout is the longest that the command may run.
	Timeout time.Duration
	// Process, ID and Attempt become the command's MONITOR_ variables.
	Process string
	ID      int64
	Attempt int
	// Variables are more variables of the environment, each NAME=value.
	Variables []string
	// KeepChildren lets live what the command leaves running: it is the
	// service that the command has started. A command that ran into its
	// time limit leaves nothing in any case.
	KeepChildren bool
}

// Runner runs a command to its end, as Run does, be it as a child of the daemon
// or elsewhere.
type Runner func(ctx context.Context, s Spec) (string, error)

// Run runs the command to its end and returns the last 4 KiB of its output,
// both streams together. The error is an *Error and carries the last lines.
// The command is killed with everything in its process group when its time is
// over or when ctx ends; unless KeepChildren is set, the same happens to what
// is left of the group when the command itself has ended.
func Run(ctx context.Context, s Spec) (string, error) {
	limited, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()

	out, err := NewOutput()
	if err != nil {
		return "", &Error{Key: s.Key, Kind: KindStart, Err: err}
	}
	cmd := s.build()
	cmd.Stdout, cmd.Stderr = out.Write, out.Write
	if err := cmd.Start(); err != nil {
		_ = out.Finish()
		return "", &Error{Key: s.Key, Kind: KindStart, Err: err}
	}
	_ = out.Write.Close()

	exited := make(chan struct{})
	go func() {
		defer close(exited)
		waitUnreaped(cmd.Process.Pid)
	}()
	how := end(limited, cmd.Process.Pid, exited, s.KeepChildren)
	var waitErr error
	if how == stuck {
		// The killed command is still there. It is reaped whenever it
		// dies; this goroutine and that wait are all that it costs.
		go func() {
			<-exited
			_ = cmd.Wait()
		}()
	} else {
		waitErr = cmd.Wait()
	}
	text := out.finish(s.KeepChildren && how == byItself)
	return text, s.verdict(ctx, how, waitErr, text)
}

func (s Spec) build() *exec.Cmd {
	args := s.Args
	if s.Line != "" {
		args = []string{Shell, "-c", s.Line}
	}
	// Not CommandContext: it kills the process alone, and may signal a
	// group whose leader was already reaped, whose number may by then be
	// another's. The context is watched in end.
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(Environ(s.Process, s.ID, s.Attempt), s.Variables...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// ending is how a command came to its end.
type ending int

const (
	byItself ending = iota + 1
	killed
	// stuck: it was killed and is still there.
	stuck
)

// end waits until the command has ended or its context has, and kills what
// must not stay.
func end(ctx context.Context, pid int, exited <-chan struct{}, keep bool) ending {
	select {
	case <-exited:
		if !keep {
			killGroup(pid)
		}
		return byItself
	case <-ctx.Done():
	}
	killGroup(pid)
	patience := time.NewTimer(killTime)
	defer patience.Stop()
	select {
	case <-exited:
		return killed
	case <-patience.C:
		return stuck
	}
}

// killGroup kills the process group. The leader has not been reaped yet, so
// the number cannot have become somebody else's. No such group means that all
// of it is gone already.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// waitUnreaped returns when the child has ended and leaves it a zombie, which
// keeps its process group's number taken.
func waitUnreaped(pid int) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// verdict turns the end of a command into its error.
func (s Spec) verdict(ctx context.Context, how ending, waitErr error, text string) error {
	e := &Error{Key: s.Key, Limit: s.Timeout, Output: text}
	if how != byItself {
		e.Kind = KindTimeout
		if ctx.Err() != nil {
			e.Kind, e.Err = KindCanceled, context.Cause(ctx)
		} else if how == stuck {
			e.Err = fmt.Errorf("it was still there %s after SIGKILL", killTime)
		}
		return e
	}
	if waitErr == nil {
		return nil
	}
	var exit *exec.ExitError
	if !errors.As(waitErr, &exit) {
		e.Kind, e.Err = KindStart, waitErr
		return e
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Kind, e.Signal = KindSignal, status.Signal()
		return e
	}
	e.Kind, e.Status = KindExit, exit.ExitCode()
	return e
}
