package command

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Kind is the way in which a command failed.
type Kind int

// The ways to fail.
const (
	KindUnknown Kind = iota
	// KindExit: it ended with a status other than 0.
	KindExit
	// KindSignal: a signal ended it.
	KindSignal
	// KindTimeout: it was killed because its time was over.
	KindTimeout
	// KindCanceled: it was killed because the daemon gave up on it, most
	// likely because it stops. It says nothing about the command.
	KindCanceled
	// KindStart: it could not be started.
	KindStart
)

func (k Kind) String() string {
	switch k {
	case KindExit:
		return "exit"
	case KindSignal:
		return "signal"
	case KindTimeout:
		return "timeout"
	case KindCanceled:
		return "canceled"
	case KindStart:
		return "start"
	case KindUnknown:
	}
	return "unknown"
}

// The statuses with which a shell says that it could not run a command
// (POSIX, Shell Command Language, 2.8.2).
const (
	statusNotExecutable = 126
	statusNotFound      = 127
)

// Error says how a command failed. It wraps the cause of a cancelled context.
type Error struct {
	// Key is Spec.Key.
	Key  string
	Kind Kind
	// Status is set for KindExit, Signal for KindSignal, Limit always.
	Status int
	Signal syscall.Signal
	Limit  time.Duration
	// Output is the end of what the command wrote, as it wrote it.
	Output string
	// Err is what was found besides, or nil.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	switch e.Kind {
	case KindExit:
		b.WriteString(DescribeStatus(e.Status))
	case KindSignal:
		fmt.Fprintf(&b, "killed by signal %s", SignalName(e.Signal))
	case KindTimeout:
		fmt.Fprintf(&b, "killed at its time limit of %s", e.Limit)
	case KindCanceled:
		b.WriteString("interrupted")
	case KindStart:
		b.WriteString("cannot be started")
	case KindUnknown:
		b.WriteString("failed")
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if lines := LastLines(e.Output); lines != "" {
		fmt.Fprintf(&b, "; its last output: %s", lines)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// DescribeStatus says in words what a shell's exit status means.
func DescribeStatus(status int) string {
	switch status {
	case statusNotExecutable:
		return "exit status 126, cannot be executed"
	case statusNotFound:
		return "exit status 127, command not found"
	}
	return fmt.Sprintf("exit status %d", status)
}

// SignalName is the signal's usual name, such as SIGKILL.
func SignalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("%d", int(s))
}
