//go:build e2e

package chaos

import (
	"fmt"
	"strings"
	"time"
)

// The messages of systemd that tell of starts and ends, from sd-messages.h.
const (
	unitStarted = "39f53479d3a045ac8e11786248231fbf"
	processExit = "98e322203f7a4ed290d09fe03c09fe15"
)

// processUnits are those that bare processes are started in, and whose they
// are. Their start is what systemd says of it: what runs in them begins a
// moment later.
var processUnits = map[string]string{
	`monitored-plain\x2d1`: "plain-1", `monitored-plain\x2d2`: "plain-2",
}

// journal adds to a story what systemd wrote of the services and of the
// daemon from the time on.
func (s *stage) journal(story *Story, from time.Time) {
	s.t.Helper()
	story.Started = map[string][]time.Time{}
	for name := range s.kinds {
		if strings.HasPrefix(name, "c@") {
			story.Started[name] = nil
		}
	}
	us := from.UnixMicro()
	for _, e := range s.Journal(s.t, fmt.Sprintf("--since=@%d.%06d", us/1e6, us%1e6),
		"_PID=1", "MESSAGE_ID="+unitStarted, "+", "_PID=1", "MESSAGE_ID="+processExit) {
		// The time at which systemd wrote it, not that at which the journal
		// took it.
		stamp, ok := e["_SOURCE_REALTIME_TIMESTAMP"].(string)
		if !ok {
			stamp = fmt.Sprint(e["__REALTIME_TIMESTAMP"])
		}
		at := microseconds(s.t, stamp)
		unit, message := fmt.Sprint(e["UNIT"]), fmt.Sprint(e["MESSAGE"])
		name := strings.TrimSuffix(unit, ".service")
		_, ours := story.Started[name]
		switch started := e["MESSAGE_ID"] == unitStarted; {
		case started && unit == daemonUnit:
			story.Lives = append(story.Lives, at)
		case started && processUnits[name] != "":
			story.Spans = append(story.Spans, Span{Process: processUnits[name], Step: Start, Begin: at, End: at, OK: true})
		case started && ours:
			story.Started[name] = append(story.Started[name], at)
		case !started && unit == daemonUnit && strings.Contains(message, "Main process"):
			story.Deaths = append(story.Deaths, Death{At: at, How: message})
		}
	}
}
