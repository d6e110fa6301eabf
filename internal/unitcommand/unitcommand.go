// Package unitcommand runs a command of the configuration outside of the
// daemon: in a transient unit of its own, as a child of systemd. It sees the
// host as any service does and inherits nothing of the daemon's sandbox, which
// can therefore be a tight one. In all else it is run as package command runs
// its commands, and its errors are the same.
package unitcommand

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"monitor_service/internal/command"
	"monitor_service/internal/systemd"
)

const (
	// prefix cannot begin the name of a process's unit.
	prefix = "monitored.command-"
	suffix = ".service"
	// backstop is how much later than this daemon systemd ends a command
	// that is over its time: it matters only if this daemon is gone.
	backstop = 10 * time.Second
	// beginLimit is how long a command may take to begin once the bus was
	// lost over it: systemd begins nothing while it executes itself anew.
	beginLimit = 15 * time.Second
	// killPatience bounds ending a command that the bus was lost over.
	killPatience = 20 * time.Second
	// busLook is how often the bus is tried while it is down.
	busLook = 100 * time.Millisecond
)

// wrap returns a script that begins with an empty line, runs a command line, and
// ends its output with token and its exit status. That the command was begun,
// which systemd may take its time for, is known by the first, and how it ended
// by the second, without the bus: the bus may be the service that is being
// restarted, and a check that passed must not count as a failed one for that.
// What the wrapping shell itself says, as that a signal ended the command, goes
// nowhere.
func wrap(line, token string) string {
	return systemd.Literal("exec 3>&2 2>/dev/null; echo; (exec " + command.Shell + " -c " + command.Quoted(line) +
		` 2>&3 3>&-); printf '\n%s%s\n' ` + token + ` "$?"`)
}

// Units is what is needed of systemd. *systemd.Client has it.
type Units interface {
	Execute(ctx context.Context, t systemd.Transient, limit time.Duration) error
	Stop(ctx context.Context, name string) error
	Names(ctx context.Context, pattern string) ([]string, error)
}

// Runner returns what runs command lines in units, which only root may start.
// Spec.Variables are handed over in a file in the directory dir, which systemd
// must see under the same name. Spec.KeepChildren is not heeded: nothing of the
// command stays. Before the first command, those are ended that an earlier daemon
// of the same owner has left running; the owner is what no two daemons have at
// once.
func Runner(units Units, dir, owner string) command.Runner {
	return newRunner(units, dir, owner).run
}

type runner struct {
	units  Units
	dir    string
	before *predecessor
	// beginLimit is the constant but in tests.
	beginLimit time.Duration
}

func newRunner(units Units, dir, owner string) runner {
	return runner{
		units: units, dir: dir, before: &predecessor{units: units, prefix: ownPrefix(owner)},
		beginLimit: beginLimit,
	}
}

func (r runner) run(ctx context.Context, s command.Spec) (string, error) {
	limited, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	file, err := r.environmentFile(s.Variables)
	if err != nil {
		return "", &command.Error{Key: s.Key, Kind: command.KindStart, Err: err}
	}
	if file != "" {
		defer func() { _ = os.Remove(file) }()
	}
	for {
		out, status, err := r.once(ctx, s, file)
		switch {
		case status >= 0:
			return out, verdict(s, out, status)
		case ctx.Err() != nil:
			return out, &command.Error{Key: s.Key, Kind: command.KindCanceled, Limit: s.Timeout, Output: out, Err: context.Cause(ctx)}
		case status != notBegun || !errors.Is(err, systemd.ErrUnavailable):
			e := &command.Error{Key: s.Key, Limit: s.Timeout, Output: out, Err: err}
			if errors.Is(err, context.DeadlineExceeded) {
				e.Kind, e.Err = command.KindTimeout, nil
			}
			return out, e
		}
		select {
		case <-time.After(busLook):
		case <-limited.Done():
			return out, &command.Error{Key: s.Key, Kind: command.KindStart, Limit: s.Timeout, Output: out, Err: err}
		}
	}
}

// No exit statuses: notBegun is of a command that was not begun and will not be,
// notKnown of one of which that is not sure. A command is not run twice.
const (
	notKnown = -1
	notBegun = -2
)

// once runs the command, and returns its output and its exit status, or the
// error for which the status is not known.
func (r runner) once(ctx context.Context, s command.Spec, file string) (string, int, error) {
	if err := r.before.end(ctx); err != nil {
		return "", notBegun, err
	}
	out, err := command.NewOutput()
	if err != nil {
		return "", notBegun, err
	}
	token := rand.Text()
	t := systemd.Transient{
		Name:             r.before.prefix + strings.ToLower(token) + suffix,
		Description:      description(s),
		Command:          []string{command.Shell, "-c", wrap(s.Line, token)},
		WorkingDirectory: "/",
		Environment:      command.Variables(s.Process, s.ID, s.Attempt),
		EnvironmentFile:  file,
		Output:           out.Write,
		Begun:            out.Begun(),
		StartTimeout:     s.Timeout + backstop,
	}
	err = r.units.Execute(ctx, t, s.Timeout)
	sure := true
	if errors.Is(err, systemd.ErrUnavailable) {
		sure, err = r.outlast(ctx, s.Timeout, t.Name, out, err)
	}
	text := strings.TrimPrefix(out.Finish(), "\n")
	i := strings.LastIndex(text, "\n"+token)
	if i < 0 && sure && out.BegunAt().IsZero() {
		return text, notBegun, err
	}
	if i < 0 {
		return text, notKnown, err
	}
	status, convErr := strconv.Atoi(strings.TrimSpace(text[i+1+len(token):]))
	if convErr != nil {
		return text[:i], notKnown, errors.Join(err, convErr)
	}
	return text[:i], status, nil
}

func description(s command.Spec) string {
	what := s.Key
	if s.Process != "" {
		what += " of " + s.Process
	}
	return what + ", by monitor_service"
}

// outlast waits for the end of a command that the bus was lost over, whose
// output ends with it, and returns lost. One that was never started has ended.
// Its limit counts from when it has begun, as it does while the bus is there; one
// that is over it is ended, and so is one that does not begin. It says whether it
// is sure that no more will be heard of the command.
func (r runner) outlast(ctx context.Context, limit time.Duration, name string, out *command.Output, lost error) (bool, error) {
	_ = out.Write.Close()
	begin := time.NewTimer(r.beginLimit)
	defer begin.Stop()
	select {
	case <-out.Done():
		return true, lost
	case <-out.Begun():
		limited, cancel := context.WithDeadline(ctx, out.BegunAt().Add(limit))
		defer cancel()
		select {
		case <-out.Done():
			return true, lost
		case <-limited.Done():
			lost = limited.Err()
		}
	case <-begin.C:
	case <-ctx.Done():
	}
	return r.end(ctx, name), lost
}

// end ends a command, be it that systemd cannot be asked at once, and says
// whether it has.
func (r runner) end(ctx context.Context, name string) bool {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
	defer cancel()
	for {
		err := r.units.Stop(limited, name)
		switch {
		case err == nil, errors.Is(err, systemd.ErrNoSuchUnit):
			return true
		case !errors.Is(err, systemd.ErrUnavailable), limited.Err() != nil:
			return false
		}
		time.Sleep(busLook)
	}
}

// verdict turns an exit status into an error. The shell gives a command that a
// signal ended 128 and the signal's number (POSIX, Shell Command Language,
// 2.8.2).
func verdict(s command.Spec, out string, status int) error {
	if status == 0 {
		return nil
	}
	e := &command.Error{Key: s.Key, Kind: command.KindExit, Status: status, Limit: s.Timeout, Output: out}
	if signal := syscall.Signal(status - 128); unix.SignalName(signal) != "" {
		e.Kind, e.Signal = command.KindSignal, signal
	}
	return e
}

// environmentFile writes variables, each NAME=value, to a new file that root
// alone can read, and returns its path. Without any it returns "".
func (r runner) environmentFile(variables []string) (path string, err error) {
	if len(variables) == 0 {
		return "", nil
	}
	f, err := os.CreateTemp(r.dir, "environment-")
	if err != nil {
		return "", fmt.Errorf("cannot hand over its variables: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		if _, err := fmt.Fprintf(f, "%s=\"%s\"\n", name, quoting.Replace(value)); err != nil {
			return "", fmt.Errorf("cannot hand over its variables: %w", err)
		}
	}
	return f.Name(), nil
}

// quoting is for the inside of double quotes in an EnvironmentFile
// (systemd.exec(5)): newlines may stand there, and a backslash takes the
// meaning from these.
var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`)
