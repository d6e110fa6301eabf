package unitcommand

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/systemd"
)

// away is a systemd that is lost as soon as it has taken a command up, and that
// begins it later. The real one does so while it executes itself anew, at a
// moment that nobody can choose.
type away struct {
	begins time.Duration
	// stopErr is what Stop fails with, having done nothing.
	stopErr error
	stopped chan struct{}
	// taken counts the commands that were taken up, run those that began.
	taken, run *atomic.Int32
	ended      chan struct{}
}

func newAway(begins time.Duration) away {
	return away{
		begins: begins, stopped: make(chan struct{}), ended: make(chan struct{}, 100),
		taken: new(atomic.Int32), run: new(atomic.Int32),
	}
}

func (a away) Execute(_ context.Context, t systemd.Transient, _ time.Duration) error {
	fd, err := syscall.Dup(int(t.Output.Fd()))
	if err != nil {
		return err
	}
	syscall.CloseOnExec(fd)
	output := os.NewFile(uintptr(fd), "output")
	a.taken.Add(1)
	go func() {
		defer func() { a.ended <- struct{}{} }()
		defer func() { _ = output.Close() }()
		select {
		case <-time.After(a.begins):
		case <-a.stopped:
			return
		}
		a.run.Add(1)
		args := t.Command
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "$$", "$") // as systemd reads it
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = output, output
		if cmd.Start() != nil {
			return
		}
		waited := make(chan struct{})
		go func() {
			defer close(waited)
			_ = cmd.Wait()
		}()
		select {
		case <-waited:
		case <-a.stopped:
			_ = cmd.Process.Kill()
			<-waited
		}
	}()
	return systemd.ErrUnavailable
}

func (a away) Stop(ctx context.Context, _ string) error {
	if a.stopErr != nil {
		return a.stopErr
	}
	select {
	case a.stopped <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (away) Names(context.Context, string) ([]string, error) { return nil, nil }

// fails runs a command that fails, and returns how.
func (a away) fails(ctx context.Context, t *testing.T, begin time.Duration, s command.Spec) *command.Error {
	t.Helper()
	r := newRunner(a, t.TempDir(), "a")
	r.beginLimit = begin
	s.Key = "key"
	_, err := r.run(ctx, s)
	var e *command.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	return e
}

// A command's time begins when it does: it loses none to a systemd that is away.
func TestACommandThatIsBegunLateHasAllOfItsTime(t *testing.T) {
	const limit = 2 * time.Second
	units := newAway(limit + limit/2)
	e := units.fails(t.Context(), t, beginLimit, command.Spec{Line: "echo seen; exit 3", Timeout: limit})
	if e.Output != "seen\n" || e.Kind != command.KindExit || e.Status != 3 {
		t.Errorf("got %q, %v", e.Output, e)
	}
}

func TestACommandThatIsLostFromSightIsEndedWhenItsTimeIsOver(t *testing.T) {
	units := newAway(0)
	e := units.fails(t.Context(), t, beginLimit, command.Spec{Line: "exec sleep 1000", Timeout: 100 * time.Millisecond})
	if e.Kind != command.KindTimeout {
		t.Errorf("got %v", e)
	}
	<-units.ended
}

func TestACommandThatIsLostFromSightIsEndedWithTheDaemon(t *testing.T) {
	for name, begins := range map[string]time.Duration{"begun": 0, "not begun": time.Hour} {
		t.Run(name, func(t *testing.T) {
			units := newAway(begins)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			e := units.fails(ctx, t, beginLimit, command.Spec{Line: "exec sleep 1000", Timeout: time.Hour})
			if e.Kind != command.KindCanceled {
				t.Errorf("got %v", e)
			}
			<-units.ended
		})
	}
}

// What does not begin is taken back, and only then tried again.
func TestACommandThatDoesNotBeginIsTakenBack(t *testing.T) {
	units := newAway(time.Hour)
	e := units.fails(t.Context(), t, 50*time.Millisecond, command.Spec{Line: "true", Timeout: 400 * time.Millisecond})
	if e.Kind != command.KindStart || !errors.Is(e, systemd.ErrUnavailable) {
		t.Errorf("got %v", e)
	}
	for range units.taken.Load() {
		<-units.ended
	}
	if units.taken.Load() < 2 || units.run.Load() != 0 {
		t.Errorf("%d were taken up, %d run", units.taken.Load(), units.run.Load())
	}
}

// One that cannot be taken back may begin yet: another one would run beside it.
func TestACommandThatMayYetBeginIsNotRunAgain(t *testing.T) {
	units := newAway(300 * time.Millisecond)
	units.stopErr = systemd.ErrDenied
	e := units.fails(t.Context(), t, 50*time.Millisecond, command.Spec{Line: "true", Timeout: time.Hour})
	if !errors.Is(e, systemd.ErrUnavailable) {
		t.Errorf("got %v", e)
	}
	<-units.ended
	if units.taken.Load() != 1 || units.run.Load() != 1 {
		t.Errorf("%d were taken up, %d run", units.taken.Load(), units.run.Load())
	}
}

// One that began and ended without a word is not run again either.
func TestACommandThatWasBegunIsNotRunAgain(t *testing.T) {
	units := newAway(0)
	e := units.fails(t.Context(), t, beginLimit, command.Spec{Line: "kill -9 $PPID", Timeout: time.Hour})
	if !errors.Is(e, systemd.ErrUnavailable) || units.taken.Load() != 1 {
		t.Errorf("%d were taken up: %v", units.taken.Load(), e)
	}
}
