package unitcommand

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
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
	begins  time.Duration
	stopped chan string
	ended   chan struct{}
}

func newAway(begins time.Duration) away {
	return away{begins: begins, stopped: make(chan string, 1), ended: make(chan struct{})}
}

func (a away) Execute(_ context.Context, t systemd.Transient, _ time.Duration) error {
	fd, err := syscall.Dup(int(t.Output.Fd()))
	if err != nil {
		return err
	}
	syscall.CloseOnExec(fd)
	output := os.NewFile(uintptr(fd), "output")
	go func() {
		defer close(a.ended)
		defer func() { _ = output.Close() }()
		time.Sleep(a.begins)
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

func (a away) Stop(_ context.Context, name string) error {
	a.stopped <- name
	return nil
}

func (away) Names(context.Context, string) ([]string, error) { return nil, nil }

// A command's time begins when it does: it loses none to a systemd that is away.
func TestACommandThatIsBegunLateHasAllOfItsTime(t *testing.T) {
	const limit = 2 * time.Second
	run := Runner(newAway(limit+limit/2), t.TempDir(), "a")
	out, err := run(t.Context(), command.Spec{Key: "key", Line: "echo seen; exit 3", Timeout: limit})
	var e *command.Error
	if out != "seen\n" || !errors.As(err, &e) || e.Kind != command.KindExit || e.Status != 3 {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestACommandThatIsLostFromSightIsEndedWhenItsTimeIsOver(t *testing.T) {
	units := newAway(0)
	_, err := Runner(units, t.TempDir(), "a")(t.Context(), command.Spec{Key: "key", Line: "exec sleep 1000", Timeout: 100 * time.Millisecond})
	var e *command.Error
	if !errors.As(err, &e) || e.Kind != command.KindTimeout {
		t.Errorf("got %v", err)
	}
	<-units.ended
}
