package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"monitor_service/internal/control"
)

func (p *program) restartCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "restart NAME",
		Short: "Restart a process now, and show how it goes",
		Long: "Restart a process as an alarm would, whether it is in alarm or not: the same strategy, commands, attempts,\n" +
			"health checks, and, where it is in alarm, the same clearing of the alarm. Its breaker counts the outcome.\n" +
			"Shows each step as it happens. Ctrl-C ends the showing, not the restart.\n\n" +
			"Refused while a recovery of the process is under way, while it is paused or its breaker is open (--force\n" +
			"overrides these two), and where an alarm would be refused as well (a masked unit, an unsafe name, …).\n" +
			"Exits 0 when the process is restarted and verified, 1 when not.",
		Example: "  monitor_service restart nginx\n  monitor_service restart batch --force    # although its breaker is open",
		Args:    oneName, ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "also where its breaker is open or it is paused")
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		return p.restart(ctx, client, control.RestartRequest{Process: args[0], Force: force})
	})
}

func (p *program) restart(ctx context.Context, client *control.Client, r control.RestartRequest) error {
	screen := newScreen(p.stdout, p.environ)
	end, err := client.Restart(ctx, r, func(step control.Progress) {
		_, _ = fmt.Fprintln(screen, stepLine(screen, step))
	})
	if ctx.Err() != nil {
		_, _ = fmt.Fprintf(p.stderr, "%s: no longer watching; the restart goes on, see: %s history %s\n", programName, programName, printable(r.Process))
		return exitStatus(exitFailed)
	}
	if err != nil {
		return err
	}
	paint := map[string]color{control.VerdictSucceeded: green, control.VerdictUnknown: yellow}
	c, ok := paint[end.Verdict]
	if !ok {
		c = red
	}
	_, _ = fmt.Fprintf(screen, "%s  %s\n", clock(end.At), screen.paint(c, end.Verdict+": "+printable(end.Message)))
	if end.Verdict != control.VerdictSucceeded {
		return exitStatus(exitFailed)
	}
	return nil
}

func (p *program) resetCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "reset {NAME | --all}",
		Short: "Close a process's breaker and forget its failures",
		Long: "Close the circuit breaker of a process, or of all, and forget the failures that it has counted. The daemon\n" +
			"polls at once, so that a process in alarm is tried again without waiting for the breaker's next trial.",
		Example: "  monitor_service reset batch\n  monitor_service reset --all",
		Args:    nameOrAll(&all), ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "all processes")
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		return p.say(client.Reset(ctx, target(args, all)))
	})
}

func (p *program) pauseCommand() *cobra.Command {
	var all bool
	var length pauseLength
	var why string
	c := &cobra.Command{
		Use:   "pause {NAME | --all}",
		Short: "Leave a process alone, for a time or until it is resumed",
		Long: "Leave a process alone, or all of them, whatever its alarm says: for maintenance. It lasts for the time given\n" +
			"with --for, else until \"resume\", and survives a restart of the daemon. A recovery under way goes on to its end.\n" +
			"\"status\" shows who paused it, since when, until when, and why. A pause of a process that is paused replaces it.",
		Example: "  monitor_service pause nginx --for 2h --reason \"new certificates\"\n" +
			"  monitor_service pause --all --for 30m",
		Args: nameOrAll(&all), ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "all processes")
	c.Flags().Var(&length, "for", "how long, such as 30m or 2h (default: until resumed)")
	c.Flags().StringVar(&why, "reason", "", "what for, for those who wonder")
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		return p.say(client.Pause(ctx, control.PauseRequest{
			Target: target(args, all), Seconds: time.Duration(length).Seconds(), Why: why,
		}))
	})
}

// pauseLength is the flag --for. A number alone is refused: the keys of the
// configuration are in seconds, but whoever pauses by hand may well mean
// minutes.
type pauseLength time.Duration

// Set implements pflag.Value.
func (l *pauseLength) Set(text string) error {
	d, err := time.ParseDuration(text)
	switch _, number := strconv.ParseFloat(text, 64); {
	case err != nil && number == nil:
		return fmt.Errorf("its unit is missing: %[1]ss, %[1]sm or %[1]sh", text)
	case err != nil:
		return errors.New("not a length of time such as 90s, 30m, 2h or 1h30m")
	case d <= 0:
		return errors.New("a pause takes longer than that")
	case d > control.MaxPause:
		return fmt.Errorf("at most %dh (%d days); without --for it lasts until it is resumed",
			control.MaxPause/time.Hour, control.MaxPause/(24*time.Hour))
	}
	*l = pauseLength(d)
	return nil
}

// String implements pflag.Value. Nothing is the default, which help would
// otherwise show.
func (l *pauseLength) String() string {
	if *l == 0 {
		return ""
	}
	return time.Duration(*l).String()
}

// Type implements pflag.Value: what help shows for the value.
func (*pauseLength) Type() string { return "duration" }

func (p *program) resumeCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "resume {NAME | --all}",
		Short: "End a pause",
		Long: "End the pause of a process. --all ends the pause of all processes; one that was paused by itself stays so.\n" +
			"The daemon polls at once, so that an alarm that waits is acted upon.",
		Example: "  monitor_service resume nginx\n  monitor_service resume --all",
		Args:    nameOrAll(&all), ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "the pause of all processes")
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		return p.say(client.Resume(ctx, target(args, all)))
	})
}

func (p *program) checkNowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check-now",
		Short: "Poll the database now",
		Long: "Poll the database now instead of at the next check_interval, and wait for the answer. It does not wait for\n" +
			"the recoveries that follow. Exits 1 when the database cannot be polled.",
		Args: noArguments,
	}
	return p.remote(c, func(ctx context.Context, client *control.Client, _ []string) error {
		return p.say(client.CheckNow(ctx))
	})
}

// say prints what a change did.
func (p *program) say(d control.Done, err error) error {
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.stdout, printable(d.Message)+"."); err != nil {
		return err
	}
	if d.Warning != "" {
		_, _ = fmt.Fprintf(p.stderr, "%s: note: %s\n", programName, printable(d.Warning))
	}
	return nil
}
