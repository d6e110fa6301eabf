package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"monitor_service/internal/demo"
)

func (p *program) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the daemon at work on an embedded database, in 20 seconds",
		Long: "Start a few sample processes, break them, raise alarms for them in a temporary SQLite database,\n" +
			"and let the real daemon recover them. Needs no root, no MySQL and no systemd, and cleans up,\n" +
			"also when it is interrupted. Exits 1 if anything did not happen as told.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.demo(c.Context()) },
	}
}

// demo plays the demo until its end or until a signal that would end this
// process. It has a daemon and samples to take away first, and then returns
// the status that a shell shows for the signal.
func (p *program) demo(ctx context.Context) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	err := demo.Run(ctx, p.stdout)
	var caught signalled
	if err == nil || !errors.As(context.Cause(ctx), &caught) {
		return err
	}
	if caught.sig != syscall.SIGPIPE { // whoever has closed the pipe knows
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\n", programName, err)
	}
	return exitStatus(signalStatus + int(caught.sig))
}

// signalStatus plus the number of a signal is the exit status by which a shell
// tells that a command was ended by it.
const signalStatus = 128

// signalled is the cause of a context that a signal has ended.
type signalled struct{ sig syscall.Signal }

func (s signalled) Error() string { return fmt.Sprintf("ended by a signal: %v", s.sig) }

// untilSignal returns a context that ends with the first signal that asks this
// process to end. A signal that it was started with as ignored stays ignored,
// as nohup wants it.
//
// SIGPIPE is among them: a reader of stdout who has gone would else end the
// process at its next line.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	caught := make(chan os.Signal, 1) // the first one is enough
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGPIPE)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(sig) {
			signal.Notify(caught, sig)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case sig := <-caught:
			if s, ok := sig.(syscall.Signal); ok {
				cancel(signalled{s})
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
		signal.Stop(caught)
	}
}
