package restart

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"monitor_service/internal/command"
)

const (
	journalTimeout = 5 * time.Second
	journalLines   = 6
)

// unitLines returns the last lines in the journal since begun about a unit:
// what it wrote, and what systemd says of it, such as its exit status. It is
// the best that can be had, and nothing where it cannot: a unit that failed is
// gone by the time that it is asked.
func unitLines(ctx context.Context, unit string, begun time.Time) string {
	since := fmt.Sprintf("@%d.%06d", begun.Unix(), begun.Nanosecond()/int(time.Microsecond))
	for _, args := range [][]string{
		// What the unit wrote last may still be on its way to the journal.
		{"journalctl", "--sync"},
		{
			"journalctl", "--quiet", "--no-pager", "--output=cat",
			"--lines=" + strconv.Itoa(journalLines), "--since=" + since,
			"_SYSTEMD_UNIT=" + unit, "+", "UNIT=" + unit,
		},
	} {
		out, err := command.Run(ctx, command.Spec{Args: args, Timeout: journalTimeout})
		if err == nil && args[1] != "--sync" {
			return out
		}
	}
	return ""
}
