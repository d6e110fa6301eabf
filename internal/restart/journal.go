package restart

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"monitor_service/internal/command"
)

const (
	journalTimeout = 5 * time.Second
	journalLines   = 8
)

// ending is what the journal tells of a unit that has ended.
type ending struct {
	// how is the end of its main process in words, empty where it is not
	// known.
	how string
	// output is the last that the unit wrote.
	output string
}

// journalEntry is an entry of a unit or about it. A process that ended leaves
// one of systemd with the fields EXIT_CODE and EXIT_STATUS (SD_MESSAGE_UNIT_PROCESS_EXIT
// of systemd.journal-fields(7) and sd-messages.h).
type journalEntry struct {
	Message    any    `json:"MESSAGE"` // a list of bytes where it is no text
	Unit       string `json:"_SYSTEMD_UNIT"`
	ExitCode   string `json:"EXIT_CODE"`
	ExitStatus string `json:"EXIT_STATUS"`
}

// endingOf asks the journal how a unit ended that was started at begun. It is
// the best that can be had, and nothing where it cannot: a unit that failed is
// gone by the time that systemd is asked.
func endingOf(ctx context.Context, unit string, begun time.Time) ending {
	since := fmt.Sprintf("@%d.%06d", begun.Unix(), begun.Nanosecond()/int(time.Microsecond))
	// What the unit wrote last may still be on its way to the journal.
	_, _ = command.Run(ctx, command.Spec{Args: []string{"journalctl", "--sync"}, Timeout: journalTimeout})
	out, err := command.Run(ctx, command.Spec{Timeout: journalTimeout, Args: []string{
		"journalctl", "--quiet", "--no-pager", "--output=json",
		"--output-fields=MESSAGE,_SYSTEMD_UNIT,EXIT_CODE,EXIT_STATUS",
		"--lines=" + strconv.Itoa(journalLines), "--since=" + since,
		"_SYSTEMD_UNIT=" + unit, "+", "UNIT=" + unit,
	}})
	if err != nil {
		return ending{}
	}
	return parseEnding(out, unit)
}

func parseEnding(out, unit string) ending {
	var e ending
	var lines []string
	for line := range strings.Lines(out) {
		var entry journalEntry
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			continue // the first one may have been cut
		}
		if entry.ExitStatus != "" {
			e.how = describeEnd(entry.ExitCode, entry.ExitStatus)
		}
		if text, ok := entry.Message.(string); ok && entry.Unit == unit {
			lines = append(lines, text)
		}
	}
	e.output = strings.Join(lines, "\n")
	return e
}

func describeEnd(code, status string) string {
	n, err := strconv.Atoi(status)
	switch {
	case err != nil:
		return ""
	case code == "exited":
		return command.DescribeStatus(n)
	}
	return "ended by " + command.SignalName(syscall.Signal(n))
}

// explain adds to an error what the journal tells of the unit's end.
func (e ending) explain(err error) error {
	if e.how != "" {
		err = fmt.Errorf("%w: %s", err, e.how)
	}
	if lines := command.LastLines(e.output); lines != "" {
		err = fmt.Errorf("%w; its last output: %s", err, lines)
	}
	return err
}
