package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show what the daemon is doing, and the state of each process",
		Long: "Show the state of the daemon and of each process that is configured, in alarm, acknowledged, paused or\n" +
			"remembered; with NAME all that is known of one process. The states:\n\n" +
			"  ok              no alarm\n" +
			"  settling        restarted and verified; an alarm within stable_time counts as a failure\n" +
			"  alarm           in alarm, not decided about yet\n" +
			"  queued          waits for one of max_parallel_restarts\n" +
			"  recovering      its recovery is under way\n" +
			"  clearing        recovered; its alarm could not be cleared yet\n" +
			"  awaiting_owner  recovered; whoever raised its alarm has to clear it (read-only)\n" +
			"  failing         in alarm; its last recoveries failed, its breaker is still closed\n" +
			"  open            its breaker is open: left alone until its next trial\n" +
			"  paused          an operator has paused it\n" +
			"  acknowledged    in alarm, and acknowledged in the database (sound = 1): left alone\n" +
			"  left_alone      in alarm, and refused: the reason is told\n\n" +
			"What needs somebody comes first: open, failing, left_alone, and so on to ok. A terminal that is too narrow\n" +
			"for the whole table gets its most important columns; \"status NAME\" has the rest. --watch shows as much as\n" +
			"the terminal has room for, and says how much it leaves out.\n\n" +
			"Colours on a terminal only, and not where " + noColor + " is set.",
		Example: "  monitor_service status\n  monitor_service status nginx\n  monitor_service status --watch\n" +
			"  monitor_service status --json | jq '.processes[] | select(.state != \"ok\")'",
		Args: nameOrNothing, ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it anew every 2 seconds, until Ctrl-C")
	check := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if asJSON && watch {
			return errors.New("--json and --watch exclude each other: a program asks again by itself")
		}
		return check(c, args)
	}
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		if watch {
			return p.watchStatus(ctx, client, first(args))
		}
		s, err := client.Status(ctx, first(args))
		if err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(s)
		}
		_, err = fmt.Fprint(p.stdout, statusPage(newScreen(p.stdout, p.environ), s, first(args)))
		return err
	})
}

// statusPage is the status for a person: what needs somebody first.
func statusPage(s screen, st control.Status, process string) page {
	if process != "" && len(st.Processes) == 1 {
		return page{head: lines(detailText(s, st, st.Processes[0]))}
	}
	p := page{head: lines(headText(s, st))}
	if len(st.Processes) == 0 {
		p.head = append(p.head, "No process is configured, in alarm or acknowledged.")
		return p
	}
	st.Processes = slices.Clone(st.Processes)
	slices.SortStableFunc(st.Processes, byNeed)
	p.title, p.rows = statusTable(s, st)
	p.notes = lines(notesText(s, st))
	return p
}

// headText says how the daemon is.
func headText(s screen, st control.Status) string {
	var lines []string
	sum := st.Summary
	counts := []string{fmt.Sprintf("%d in alarm", sum.Alarms), fmt.Sprintf("%d recovering", sum.Recovering)}
	for _, part := range []struct {
		n    int
		text string
	}{
		{sum.Queued, "queued"},
		{sum.OpenBreakers, "with an open breaker"},
		{sum.Paused, "paused"},
		{sum.Acknowledged, "acknowledged"},
		{sum.OwedWriteBacks, "still to be cleared"},
	} {
		if part.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", part.n, part.text))
		}
	}
	lines = append(lines, s.paint(bold, "monitor_service")+" up "+age(st.Now.Sub(st.Started))+": "+strings.Join(counts, ", "))
	lines = append(lines, databaseText(s, st))
	if h := st.HTTP; h != nil && h.Error != "" {
		lines = append(lines, s.paint(red, fmt.Sprintf("No status page and no metrics since %s (%s): %s", when(h.Since, st.Now),
			age(st.Now.Sub(h.Since)), printable(h.Error))))
	} else if h != nil {
		lines = append(lines, "Status page and metrics at "+printable(pageURL(*h)))
	}
	if st.DryRun {
		lines = append(lines, s.paint(yellow, "Dry run: nothing is restarted"))
	}
	if st.ReadOnly {
		lines = append(lines, s.paint(yellow, "Read-only: whoever raises an alarm has to clear it"))
	}
	if st.AcknowledgedUnknown != "" {
		lines = append(lines, s.paint(yellow, "Acknowledged alarms are not known: "+printable(st.AcknowledgedUnknown)))
	}
	if st.Pause != nil {
		lines = append(lines, s.paint(yellow, "All processes are paused "+pauseText(st, *st.Pause)))
	}
	return strings.Join(lines, "\n") + "\n"
}

// pageURL is where the page is. A listener at all addresses is reached at this
// host's own as well.
func pageURL(h control.HTTP) string {
	scheme := "http"
	if h.TLS {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(h.Listen)
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/"
}

func databaseText(s screen, st control.Status) string {
	db := st.Database
	name := printable(db.Name)
	if first, size := utf8.DecodeRuneInString(name); size > 0 {
		name = string(unicode.ToUpper(first)) + name[size:]
	}
	switch {
	case !db.DownSince.IsZero():
		return s.paint(red, fmt.Sprintf("%s CANNOT BE READ since %s (%s): %s", name, when(db.DownSince, st.Now),
			age(st.Now.Sub(db.DownSince)), printable(db.Error)))
	case db.LastPoll.IsZero():
		return name + ": the first poll is under way"
	}
	text := fmt.Sprintf("%s, polled %s ago", name, age(st.Now.Sub(db.LastPoll)))
	if left := db.NextPoll.Sub(st.Now); left > time.Second {
		text += ", again in " + age(left)
	}
	return text
}

func stateCell(st control.Status, p control.Process) cell {
	text := string(p.State)
	switch p.State {
	case control.OK, control.Settling:
		return cell{text, green}
	case control.Recovering:
		return cell{text + " for " + age(st.Now.Sub(p.RecoveringSince)), yellow}
	case control.Open, control.Failing:
		return cell{text, red}
	case control.LeftAlone:
		return cell{text + ": " + p.Reason, red}
	case control.Paused:
		if p.Pause != nil && !p.Pause.Until.IsZero() {
			text += " until " + when(p.Pause.Until, st.Now)
		}
		return cell{text, yellow}
	case control.Alarm, control.Queued, control.Clearing, control.AwaitingOwner, control.Acknowledged:
	}
	return cell{text, yellow}
}

func targetText(p control.Process) string {
	if p.Unit != "" {
		return p.Strategy + " " + p.Unit
	}
	return p.Strategy
}

func breakerCell(st control.Status, p control.Process) cell {
	b := p.Breaker
	switch {
	case b.State == "closed" && b.Failures == 0:
		return cell{b.State, plainColor}
	case b.State == "closed":
		return cell{fmt.Sprintf("closed, %d of %d failed", b.Failures, b.MaxFailures), yellow}
	case b.State == "half-open":
		return cell{"half-open, its trial is under way", yellow}
	}
	switch left := b.NextTrial.Sub(st.Now); {
	case left > 0 && p.InAlarm:
		return cell{"open, trial in " + age(left), red}
	case left > 0:
		return cell{"open, no trial for " + age(left), red}
	case p.InAlarm:
		return cell{"open, trial at the next poll", red}
	}
	return cell{"open, trial at its next alarm", red} // it takes one to be tried
}

func lastCell(st control.Status, r *history.Recovery) cell {
	if r == nil {
		return cell{"", plainColor}
	}
	text, c := outcomeText(*r)
	return cell{when(r.Ended, st.Now) + " " + text, c}
}

// outcomeText says how a recovery ended, and what followed from it.
func outcomeText(r history.Recovery) (string, color) {
	switch r.Outcome {
	case history.Succeeded:
		switch r.Afterwards {
		case "flapped", "not_cleared":
			return "recovered, did not hold", yellow
		}
		return "recovered in " + seconds(r.Seconds), green
	case history.Failed:
		return "failed: " + r.Reason, red
	case history.Interrupted:
		return "interrupted", yellow
	case history.Running:
	}
	return "under way", yellow
}

func sinceText(st control.Status, p control.Process) string {
	if !p.AlarmSince.IsZero() {
		return when(p.AlarmSince, st.Now) + " (" + age(st.Now.Sub(p.AlarmSince)) + ")"
	}
	return ""
}

func pauseText(st control.Status, p control.Pause) string {
	text := "by " + printable(p.By) + " since " + when(p.Since, st.Now)
	if p.Until.IsZero() {
		text += " until resumed"
	} else {
		text += " until " + when(p.Until, st.Now) + " (" + age(p.Until.Sub(st.Now)) + ")"
	}
	if p.Why != "" {
		text += ": " + printable(p.Why)
	}
	return text
}

// notesText says below the table what has no place in it.
func notesText(s screen, st control.Status) string {
	var b strings.Builder
	for _, p := range st.Processes {
		if p.Pause != nil {
			fmt.Fprintf(&b, "%s is paused %s\n", s.paint(bold, printable(p.Name)), pauseText(st, *p.Pause))
		}
		if p.Breaker.LastError != "" && (p.State == control.Open || p.State == control.Failing) {
			fmt.Fprintf(&b, "%s failed last with: %s\n", s.paint(bold, printable(p.Name)), printable(oneLine(p.Breaker.LastError)))
		}
	}
	return b.String()
}

// oneLine puts a text of several lines on one.
func oneLine(text string) string { return strings.Join(strings.FieldsFunc(text, isBreak), " | ") }

func isBreak(r rune) bool { return r == '\n' || r == '\r' }

// detailText is all that is known of one process.
func detailText(s screen, st control.Status, p control.Process) string {
	var b strings.Builder
	row := func(key, text string, c color) {
		if text == "" {
			return
		}
		for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			if i > 0 {
				key = ""
			}
			fmt.Fprintf(&b, "%-15s %s\n", key, s.paint(c, printable(line)))
		}
	}
	state, breaker, last := stateCell(st, p), breakerCell(st, p), lastCell(st, p.Last)
	row("Process", p.Name, bold)
	row("State", state.text, state.color)
	if p.By != "" {
		row("Asked for by", p.By, plainColor)
	}
	row("Alarm since", sinceText(st, p), plainColor)
	if p.Acknowledged {
		row("Acknowledged", "yes: its alarm is left alone (sound = 1)", plainColor)
	}
	row("process_id", idsText(p.IDs), plainColor)
	row("Target", targetText(p), plainColor)
	row("Section", sectionText(p), plainColor)
	row("Breaker", breaker.text, breaker.color)
	row("Last error", p.Breaker.LastError, plainColor)
	switch {
	case p.Pause != nil:
		row("Paused", pauseText(st, *p.Pause), yellow)
	case st.Pause != nil:
		row("Paused", "as all processes are, "+pauseText(st, *st.Pause), yellow)
	}
	row("Last recovery", last.text, last.color)
	return b.String()
}

func sectionText(p control.Process) string {
	if p.Configured {
		return "[process." + p.Name + "]"
	}
	return "none of its own: [process.default]"
}

func idsText(ids []int64) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(ids)), ", "), "[]")
}
