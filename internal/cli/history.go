package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

func (p *program) historyCommand() *cobra.Command {
	var asJSON bool
	limit := count(20)
	c := &cobra.Command{
		Use:   "history [NAME]",
		Short: "Show the last recoveries, with every attempt and what failed checks said",
		Long: "Show the last recoveries of a process, or of all, the newest last: when, why, by whom, each attempt, how\n" +
			"long it took, what the failed ones said, and what followed. It survives a restart of the daemon; the last\n" +
			"100 of each process are kept, 2000 in all.",
		Example: "  monitor_service history\n  monitor_service history nginx --limit 5\n  monitor_service history --json",
		Args:    nameOrNothing, ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	c.Flags().VarP(&limit, "limit", "n", "how many recoveries")
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		h, err := client.History(ctx, first(args), int(limit))
		if err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(h)
		}
		_, err = fmt.Fprint(p.stdout, historyText(newScreen(p.stdout, p.environ), h))
		return err
	})
}

// historyText is the history for a person.
func historyText(s screen, h control.History) string {
	var b strings.Builder
	for _, r := range h.Recoveries {
		recoveryText(&b, s, r)
	}
	if len(h.Recoveries) == 0 {
		b.WriteString("No recovery is remembered.\n")
	}
	if h.Note != "" {
		b.WriteString("(" + printable(h.Note) + ")\n")
	}
	return b.String()
}

func recoveryText(b *strings.Builder, s screen, r history.Recovery) {
	outcome, c := outcomeText(r)
	if r.Outcome == history.Failed {
		outcome += " after " + seconds(r.Seconds)
	}
	head := []string{s.paint(bold, printable(r.Process)), s.paint(c, printable(outcome))}
	if target := strings.TrimSpace(r.Strategy + " " + r.Unit); target != "" {
		head = append(head, printable(target))
	}
	switch {
	case r.By != "":
		head = append(head, "asked for by "+printable(r.By))
	case len(r.IDs) > 0:
		head = append(head, "process_id "+idsText(r.IDs))
	}
	if r.Trial {
		head = append(head, "the trial of its open breaker")
	}
	if follow := followText(r.Afterwards); follow != "" {
		head = append(head, follow)
	}
	fmt.Fprintf(b, "%s  %s\n", r.Began.Local().Format(time.DateTime), strings.Join(head, ", "))
	said := false
	for _, a := range r.Attempts {
		verdict, c := "passed", green
		switch {
		case !a.Succeeded && a.Reason == "":
			verdict, c = "restarted, being checked", yellow
		case !a.Succeeded:
			verdict, c = a.Reason, red
		}
		fmt.Fprintf(b, "  %s  attempt %d of %d: %s in %s\n", clock(a.Ended), a.Number, max(r.MaxAttempts, a.Number), s.paint(c, verdict), seconds(a.Seconds))
		said = said || a.Error == r.Error
		errorText(b, a.Error)
	}
	if !said {
		errorText(b, r.Error)
	}
}

func errorText(b *strings.Builder, text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fmt.Fprintf(b, "            %s\n", printable(strings.TrimRight(line, "\r\n")))
	}
}

// followText says what followed from a recovery.
func followText(event string) string {
	switch event {
	case "alarm_cleared":
		return "alarm cleared"
	case "write_back_superseded":
		return "alarm changed meanwhile and left as it is"
	case "write_back_failed":
		return "alarm could not be cleared yet"
	case "write_back_refused":
		return "alarm left for its owner to clear"
	case "flapped":
		return "alarm came back within stable_time"
	case "not_cleared":
		return "nobody cleared the alarm in time"
	case "breaker_opened":
		return "breaker opened"
	}
	return ""
}
