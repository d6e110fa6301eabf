package notify

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"monitor_service/internal/command"
)

// maxCommandNames bounds the names in MONITOR_NOTIFY_PROCESSES.
const maxCommandNames = 100

// runner tells it by a command.
type runner struct {
	run     command.Runner
	line    string
	timeout time.Duration
}

// send runs the command. The message is in its environment and nowhere in its
// line: no shell reads a name that is not trusted. Any failure is tried again,
// since nothing is known of what the command does.
func (r runner) send(ctx context.Context, m Message) (retry bool, err error) {
	_, err = r.run(ctx, command.Spec{
		Key: "command", Line: r.line, Timeout: r.timeout, Variables: variables(m),
	})
	if err != nil {
		return true, errors.New(oneLine(err.Error()))
	}
	return false, nil
}

// variables are the message, for a command.
func variables(m Message) []string {
	var events, processes []string
	seen := make(map[string]bool)
	for _, g := range m.groups() {
		events = append(events, g.event.String())
		for _, n := range g.notices {
			if n.Process != "" && !seen[n.Process] && len(processes) < maxCommandNames {
				seen[n.Process] = true
				processes = append(processes, shown(n.Process))
			}
		}
	}
	return []string{
		"MONITOR_NOTIFY_HOST=" + m.Host,
		"MONITOR_NOTIFY_SUBJECT=" + m.Subject,
		"MONITOR_NOTIFY_TEXT=" + m.Text,
		"MONITOR_NOTIFY_EVENTS=" + strings.Join(events, " "),
		"MONITOR_NOTIFY_PROCESSES=" + strings.Join(processes, "\n"),
		"MONITOR_NOTIFY_COUNT=" + strconv.Itoa(len(m.Notices)+m.Omitted),
	}
}
