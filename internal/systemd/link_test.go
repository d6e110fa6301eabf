package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"
)

// newTestLink is a link without a connection, for calls that need none.
func newTestLink(t *testing.T) *link {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return &link{ctx: ctx, cancel: cancel, calls: make(chan struct{}, 1)}
}

// failing is a method call that fails after a time.
func failing(after time.Duration, err error) func(context.Context, *link) error {
	return func(context.Context, *link) error {
		time.Sleep(after)
		return err
	}
}

func TestAConnectionThatNobodyAnswersOnIsGivenUp(t *testing.T) {
	const short = replyLimit / 3
	late := context.DeadlineExceeded
	refused := dbus.Error{Name: "org.freedesktop.DBus.Error.AccessDenied"}
	for _, test := range []struct {
		name  string
		calls []func(context.Context, *link) error
		lost  bool
	}{
		{"one call, silent for long", calls(failing(replyLimit, late)), true},
		{"short calls, silent for long", calls(failing(short, late), failing(short, late), failing(short+1, late)), true},
		{"short calls, silent for a while", calls(failing(short, late), failing(short, late)), false},
		{"an answer in between", calls(failing(short, late), failing(short, nil), failing(short+1, late)), false},
		{"a refusal in between", calls(failing(short, late), failing(short, refused), failing(short+1, late)), false},
		{"given up by the caller in between", calls(failing(short, late), failing(short, context.Canceled), failing(short+1, late)), true},
		{"given up by the caller", calls(failing(replyLimit+1, context.Canceled)), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newTestLink(t)
			for _, call := range test.calls {
				_ = l.call(t.Context(), call) // It fails as it was told to.
			}
			if lost := l.ctx.Err() != nil; lost != test.lost {
				t.Errorf("%s: lost is %t", test.name, lost)
			}
		})
	}
}

func calls(list ...func(context.Context, *link) error) []func(context.Context, *link) error {
	return list
}

func TestACallIsAnsweredWithinItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink(t)
		began := time.Now()
		err := l.call(t.Context(), func(ctx context.Context, _ *link) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, ErrUnavailable) || time.Since(began) != replyLimit {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

func TestADiallingEndsWithinItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := newLink(t.Context(), func(ctx context.Context) (*dbus.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if err == nil || time.Since(began) != dialLimit {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

func TestACallThatNoticesTheLossOfItsConnectionGivesItUp(t *testing.T) {
	brokenPipe := &net.OpError{Op: "write", Net: "unix", Err: syscall.EPIPE}
	for _, test := range []struct {
		err  error
		lost bool
	}{
		{brokenPipe, true},
		{fmt.Errorf("a: %w", brokenPipe), true},
		{io.EOF, true},
		{dbus.ErrClosed, true},
		{dbus.Error{Name: "org.freedesktop.systemd1.NoSuchUnit"}, false},
		{errors.New("cannot store the reply"), false},
		{nil, false},
	} {
		l := newTestLink(t)
		err := l.call(t.Context(), failing(0, test.err))
		if (err == nil) != (test.err == nil) || errors.Is(err, ErrUnavailable) != test.lost || (l.ctx.Err() != nil) != test.lost {
			t.Errorf("%v: got %v, lost is %v", test.err, err, l.ctx.Err())
		}
	}
}
