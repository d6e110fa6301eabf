package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"monitor_service/internal/daemon"
)

func (p *program) runCommand() *cobra.Command {
	var once, dryRun bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: "Run the daemon in the foreground, as systemd does.\n\n" +
			signals().sentence() + ".\n\n" +
			"With --once it makes one poll, finishes its recoveries and exits 1 if any failed.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.run(c.Context(), once, dryRun) },
	}
	p.addConfigFlag(c)
	c.Flags().BoolVar(&once, "once", false, "make one poll, finish its recoveries, and exit")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "decide and say, touch nothing")
	return c
}

func (p *program) run(ctx context.Context, once, dryRun bool) error {
	// A reload or a poll that is asked for while the daemon starts must
	// not end it: the signals are caught before anything else.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	reload, stopReload := requests(syscall.SIGHUP)
	defer stopReload()
	pollNow, stopPollNow := requests(syscall.SIGUSR1)
	defer stopPollNow()

	// A reader of stderr that has gone is no reason to end. Not
	// signal.Ignore, which the commands that are run would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	path, err := p.findConfig()
	if err != nil {
		return err
	}
	opts := daemon.Options{ConfigPath: path, Environ: p.environ, DryRun: dryRun, Version: version()}
	opts.Release, opts.Commit, _ = build()
	d, err := daemon.New(opts) //nolint:contextcheck // what is logged at the start is not bound to a request
	if err != nil {
		return err
	}
	if once {
		return d.Once(ctx)
	}
	return d.Run(ctx, daemon.Requests{Reload: reload, PollNow: pollNow})
}

// requests turns a signal into a channel of capacity 1: signals that come
// while one waits ask for nothing more.
func requests(sig os.Signal) (<-chan struct{}, func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, sig)
	out := make(chan struct{}, 1)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-signals:
				select {
				case out <- struct{}{}:
				default:
				}
			}
		}
	}()
	return out, func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
