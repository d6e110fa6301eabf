package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

func TestSignalThatIsIgnoredDoesNotEndTheDemo(t *testing.T) {
	signal.Ignore(syscall.SIGHUP) // as nohup does
	t.Cleanup(func() { signal.Reset(syscall.SIGHUP) })
	ctx, stop := untilSignal(t.Context())
	defer stop()
	if err := errors.Join(syscall.Kill(os.Getpid(), syscall.SIGHUP), syscall.Kill(os.Getpid(), syscall.SIGTERM)); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, signalled{syscall.SIGTERM}) {
		t.Errorf("the first signal was %v, want SIGTERM", err)
	}
}
