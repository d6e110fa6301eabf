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
	"strings"
	"time"

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
	// killPatience bounds ending a command that the bus was lost over.
	killPatience = 5 * time.Second
)

// Units is what is needed of systemd. *systemd.Client has it.
type Units interface {
	Execute(ctx context.Context, t systemd.Transient) (systemd.Exit, error)
	Stop(ctx context.Context, name string) error
}

// Runner returns what runs commands in units, which only root may start.
// Spec.Variables are handed over in a file in the directory dir, which systemd
// must see under the same name. Spec.KeepChildren is not heeded: nothing of the
// command stays.
func Runner(units Units, dir string) command.Runner {
	r := runner{units: units, dir: dir}
	return r.run
}

type runner struct {
	units Units
	dir   string
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
	out, err := command.NewOutput()
	if err != nil {
		return "", &command.Error{Key: s.Key, Kind: command.KindStart, Err: err}
	}
	t := unit(s)
	t.EnvironmentFile, t.Output = file, out.Write
	exit, err := r.units.Execute(limited, t)
	if errors.Is(err, systemd.ErrUnavailable) && limited.Err() == nil {
		r.outlast(limited, t.Name, out)
	}
	e := &command.Error{Key: s.Key, Limit: s.Timeout, Output: out.Finish()}
	switch {
	case ctx.Err() != nil && err != nil:
		e.Kind, e.Err = command.KindCanceled, context.Cause(ctx)
	case limited.Err() != nil && err != nil:
		e.Kind = command.KindTimeout
	case err != nil:
		e.Err = err
	case exit.Signal != 0:
		e.Kind, e.Signal = command.KindSignal, exit.Signal
	case exit.Status != 0:
		e.Kind, e.Status = command.KindExit, exit.Status
	default:
		return e.Output, nil
	}
	return e.Output, e
}

func unit(s command.Spec) systemd.Transient {
	args := s.Args
	if s.Line != "" {
		args = []string{command.Shell, "-c", s.Line}
	}
	what := s.Key
	if s.Process != "" {
		what += " of " + s.Process
	}
	return systemd.Transient{
		Name:             prefix + strings.ToLower(rand.Text()) + suffix,
		Description:      what + ", by monitor_service",
		Command:          args,
		WorkingDirectory: "/",
		Environment:      command.Variables(s.Process, s.ID, s.Attempt),
		StartTimeout:     s.Timeout + backstop,
	}
}

// outlast waits for the end of a command that the bus was lost over, so that it
// does not run beside the next one. Its output ends with it. One that was never
// started has ended.
func (r runner) outlast(ctx context.Context, name string, out *command.Output) {
	_ = out.Write.Close()
	select {
	case <-out.Done():
	case <-ctx.Done():
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
		defer cancel()
		_ = r.units.Stop(ctx, name)
	}
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
