package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"monitor_service/internal/control"
)

func (p *program) explainCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain NAME",
		Short: "Say what would happen if a process alarmed now, and why",
		Long: "Ask the running daemon what it would do if a process alarmed now: whether it would restart it and why not,\n" +
			"which section its settings come from, which strategy and which unit or processes, each step with its command\n" +
			"as it would be run, what its breaker says, pauses, and what else would stop it or hold it up. It is decided by\n" +
			"the code that acts upon alarms, and changes nothing.",
		Example: "  monitor_service explain nginx",
		Args:    oneName, ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		e, err := client.Explain(ctx, args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(e)
		}
		_, err = fmt.Fprint(p.stdout, explainText(newScreen(p.stdout, p.environ), e))
		return err
	})
}

// restarted begins the verdict about a process that would be restarted.
const restarted = "It would be restarted"

// explainText is the explanation for a person.
func explainText(s screen, e control.Explanation) string {
	var b strings.Builder
	c := red
	switch {
	case e.Acts && e.Verdict == restarted:
		c = green
	case e.Acts && strings.HasPrefix(e.Verdict, restarted):
		c = yellow // there is a catch
	}
	fmt.Fprintf(&b, "If %s alarmed now: %s.\n", s.paint(bold, printable(e.Process)), s.paint(c, lowerFirst(printable(e.Verdict))))
	fmt.Fprintf(&b, "It is %s now%s; its breaker is %s.\n", e.Now.State, alarmText(e.Now), breakerText(e.Now.Breaker))
	section := func(title string) { b.WriteString("\n" + s.paint(bold, title) + "\n") }

	section("Settings from " + printable(e.Section))
	for _, set := range e.Settings {
		fmt.Fprintf(&b, "  %-22s%-14s%s\n", set.Key, printable(set.Value), s.paint(dim, printable(set.Origin)))
	}
	if e.Strategy != "" {
		section("Target")
		fmt.Fprintf(&b, "  strategy %s%s\n", e.Strategy, printable(targetOf(e)))
	}
	if len(e.Steps) > 0 {
		title := "What would be done"
		if !e.Acts {
			title = "What would be done otherwise"
		}
		section(title)
		for i, step := range e.Steps {
			limit := ""
			if step.LimitSeconds > 0 {
				limit = " (at most " + shortSeconds(step.LimitSeconds) + ")"
			}
			fmt.Fprintf(&b, "  %d. %s%s\n", i+1, printable(step.What), limit)
			if step.Command != "" {
				fmt.Fprintf(&b, "       %s\n", printable(step.Command))
			}
		}
	}
	if len(e.Stops) > 0 {
		section("What could stop it or hold it up")
		for _, stop := range e.Stops {
			fmt.Fprintf(&b, "  - %s\n", printable(oneLine(stop)))
		}
	}
	return b.String()
}

// alarmText and breakerText have whole times: an explanation is kept and sent
// on, where an age would be wrong.
func alarmText(p control.Process) string {
	if p.AlarmSince.IsZero() {
		return ""
	}
	return ", in alarm since " + p.AlarmSince.Local().Format(time.DateTime)
}

func breakerText(b control.Breaker) string {
	switch {
	case !b.NextTrial.IsZero():
		return b.State + ", its next trial at " + b.NextTrial.Local().Format(time.DateTime)
	case b.Failures > 0:
		return fmt.Sprintf("%s after %d of %d failed recoveries", b.State, b.Failures, b.MaxFailures)
	}
	return b.State
}

func targetOf(e control.Explanation) string {
	switch {
	case e.Unit != "" && e.UnitState != "":
		return ", unit " + e.Unit + ", which is " + e.UnitState
	case e.Unit != "":
		return ", unit " + e.Unit
	case e.Strategy == "process" && len(e.Running) == 0:
		return ", no such process is running"
	case e.Strategy == "process":
		return ", running as process " + idsText(asIDs(e.Running))
	}
	return ""
}

func asIDs(pids []int) []int64 {
	ids := make([]int64, len(pids))
	for i, p := range pids {
		ids[i] = int64(p)
	}
	return ids
}

func shortSeconds(s float64) string {
	if s < 1 {
		return seconds(s)
	}
	return age(time.Duration(s * float64(time.Second)))
}

func lowerFirst(text string) string {
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}
