//go:build integration

package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"monitor_service/internal/testenv/bus"

	"github.com/godbus/dbus/v5"
)

// patience ends a test that hangs; nothing waits for it otherwise.
const patience = time.Minute

const nginx = "nginx.service"

func setUp(t *testing.T) (*bus.Bus, *Client, context.Context) {
	t.Helper()
	b := bus.Start(t)
	b.SetUnit(bus.Unit{Name: nginx})
	c := NewClientWith(b.Dial)
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return b, c, ctx
}

func (c *Client) mustRestart(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	if err := c.Restart(ctx, name); err != nil {
		t.Fatal(err)
	}
}

func TestAWaitForAJobEndsPromptlyWhenTheBusDies(t *testing.T) {
	b, c, ctx := setUp(t)
	c.lostCheckInterval = time.Hour // It would notice, too late.
	b.SetUnit(bus.Unit{Name: "slow.service", JobHangs: true})
	ended := make(chan error, 1)
	go func() { ended <- c.Restart(ctx, "slow.service") }()
	if err := b.AwaitCalls(ctx, "RestartUnit", 1); err != nil {
		t.Fatal(err)
	}
	// Its turn over, the request for the job was answered.
	c.mustRestart(ctx, t, nginx)
	b.Kill()
	if err := <-ended; !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("got %v, want an error that wraps ErrUnavailable", err)
	}
}

func TestACallThatWaitsForItsReplyEndsPromptlyWhenTheBusDies(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "mute.service", Mute: true})
	ended := make(chan error, 1)
	go func() { ended <- c.Restart(ctx, "mute.service") }()
	if err := b.AwaitCalls(ctx, "RestartUnit", 1); err != nil {
		t.Fatal(err)
	}
	b.Kill()
	if err := <-ended; !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("got %v, want an error that wraps ErrUnavailable", err)
	}
}

func TestAConnectionThatWasJustLostIsNotUsed(t *testing.T) {
	_, c, ctx := setUp(t)
	for range 50 {
		if _, err := c.Unit(ctx, nginx); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		c.link.conn.Close()
		c.mu.Unlock()
	}
}

func TestTheNextCallAfterAnOutageDialsAnew(t *testing.T) {
	b, c, ctx := setUp(t)
	for range 3 {
		c.mustRestart(ctx, t, nginx)
		b.Kill()
		if _, err := c.Unit(ctx, nginx); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v, want an error that wraps ErrUnavailable", err)
		}
		b.Revive()
	}
	c.mustRestart(ctx, t, nginx)
}

func TestOneConnectionIsSharedByAll(t *testing.T) {
	b, _, ctx := setUp(t)
	var dialled atomic.Int32
	c := NewClientWith(func(ctx context.Context) (*dbus.Conn, error) {
		dialled.Add(1)
		return b.Dial(ctx)
	})
	defer c.Close()
	var callers sync.WaitGroup
	// More than the bus lets wait for a reply at once.
	for range 300 {
		callers.Go(func() {
			if u, err := c.Unit(ctx, nginx); err != nil || u.LoadState != LoadLoaded {
				t.Errorf("got %+v, %v", u, err)
			}
		})
	}
	callers.Wait()
	// One half for calls, one for signals.
	if n := dialled.Load(); n != 2 {
		t.Errorf("dialled %d times, want 2", n)
	}
}

func TestACallHeedsItsContextWhileNothingAnswers(t *testing.T) {
	b, c, ctx := setUp(t)
	c.mustRestart(ctx, t, nginx)
	b.SetUnit(bus.Unit{Name: "mute.service", Mute: true})
	calls := map[string]func(context.Context) error{
		"unit":      func(ctx context.Context) error { _, err := c.Unit(ctx, nginx); return err },
		"restart":   func(ctx context.Context) error { return c.Restart(ctx, nginx) },
		"start":     func(ctx context.Context) error { return c.Start(ctx, nginx) },
		"stop":      func(ctx context.Context) error { return c.Stop(ctx, nginx) },
		"reset":     func(ctx context.Context) error { return c.ResetFailed(ctx, nginx) },
		"transient": func(ctx context.Context) error { return c.StartTransient(ctx, sleeper("a.service")) },
	}

	// One caller waits for systemd's answer to its request for a job: the
	// others must not wait for it, but for their own contexts.
	muteCtx, endMute := context.WithCancel(ctx)
	mute := make(chan error, 1)
	go func() { mute <- c.Restart(muteCtx, "mute.service") }()
	if err := b.AwaitCalls(ctx, "RestartUnit", 2); err != nil {
		t.Fatal(err)
	}
	b.Freeze()
	defer b.Thaw()
	for name, call := range calls {
		shortly, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		if err := call(shortly); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
	}
	endMute()
	if err := <-mute; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDiallingABusThatHangsHoldsUpNobody(t *testing.T) {
	b, c, ctx := setUp(t)
	b.Freeze()
	shortly, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := c.Unit(shortly, nginx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	// The dialling goes on, for whoever asks next.
	b.Thaw()
	if _, err := c.Unit(ctx, nginx); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "slow.service", JobHangs: true})
	ended := make(chan error, 1)
	go func() { ended <- c.Restart(ctx, "slow.service") }()
	if err := b.AwaitCalls(ctx, "RestartUnit", 1); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want an error that wraps ErrClosed", err)
	}
	if err := c.Restart(ctx, nginx); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want an error that wraps ErrClosed", err)
	}

	// Also while it dials.
	b.Freeze()
	defer b.Thaw()
	c2 := NewClientWith(b.Dial)
	go func() { ended <- c2.Restart(ctx, nginx) }()
	for dialling := false; !dialling; runtime.Gosched() {
		c2.mu.Lock()
		dialling = c2.dialing != nil
		c2.mu.Unlock()
	}
	c2.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want an error that wraps ErrClosed", err)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	b, _, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "slow.service", JobHangs: true})
	before := runtime.NumGoroutine()
	for range 5 {
		sockets := openSockets(t)
		c := NewClientWith(b.Dial)
		c.mustRestart(ctx, t, nginx)
		b.ForgetCalls()
		givenUp, giveUp := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- c.Restart(givenUp, "slow.service") }()
		if err := b.AwaitCalls(ctx, "RestartUnit", 1); err != nil {
			t.Fatal(err)
		}
		giveUp()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if !b.FinishJob("slow.service", "done") {
			t.Error("there is no job to finish")
		}
		b.Kill()
		if _, err := c.Unit(ctx, nginx); err == nil {
			t.Error("a bus that is dead answered")
		}
		b.Revive()
		c.mustRestart(ctx, t, nginx)
		c.Close()
		if stacks := allStacks(); strings.Contains(stacks, "internal/systemd.(*link)") {
			t.Errorf("Close did not wait for its goroutines:\n%s", stacks)
		}
		if left := openSockets(t) - sockets; left != 0 {
			t.Errorf("Close left %d sockets open", left)
		}
	}
	// The D-Bus library ends its own goroutines in its own time.
	for runtime.NumGoroutine() > before {
		if ctx.Err() != nil {
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), allStacks())
		}
		time.Sleep(time.Millisecond)
	}
}

func openSockets(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	sockets := 0
	for _, file := range files {
		if target, err := os.Readlink("/proc/self/fd/" + file.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			sockets++
		}
	}
	return sockets
}

func allStacks() string {
	text := make([]byte, 1<<20)
	return string(text[:runtime.Stack(text, true)])
}

func TestRoundTripsOfARecovery(t *testing.T) {
	b, c, ctx := setUp(t)
	if _, err := c.Unit(ctx, nginx); err != nil {
		t.Fatal(err)
	}
	c.mustRestart(ctx, t, nginx)
	if got, want := fmt.Sprint(b.Calls()), "map[GetAll:1 RestartUnit:1]"; got != want {
		t.Errorf("calls are %s, want %s", got, want)
	}
}
