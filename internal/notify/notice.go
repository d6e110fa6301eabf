package notify

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

const (
	// maxName bounds a process's name, in characters: as many as
	// PROCESE.process_name holds.
	maxName = 255
	// maxError bounds an error's text, in characters.
	maxError = 300
	// maxIDs bounds the list of an alarm's rows.
	maxIDs = 16
)

// Notice is one thing to tell, about one process or the database.
type Notice struct {
	Event config.NotifyEvent
	// Over says that the thing has ended: the database is back.
	Over bool
	// At is when it happened, the last time where it did several times.
	At    time.Time
	Times int
	// Process is process_name as the database has it, not trusted.
	Process string
	IDs     []int64
	Unit    string
	// Reason is a word of the vocabulary of package recovery.
	Reason string
	// Error is one line.
	Error string
	// Failures are failed recoveries in a row.
	Failures  int
	NextTrial time.Time
	// Took is how long the outage lasts, or lasted.
	Took time.Duration
	// told are the recipients who have got it already, of a channel that
	// tells each of them on its own.
	told []string
}

// noticeOf makes a notice of an event about a process; most events are not to
// be told anybody.
func noticeOf(ev recovery.Event, at time.Time) (Notice, bool) {
	event := eventOf(ev)
	if event == config.NotifyUnknown {
		return Notice{}, false
	}
	n := Notice{
		Event: event, At: at, Times: 1, Process: cut(strings.ToValidUTF8(ev.Process, "\ufffd"), maxName),
		IDs: append([]int64(nil), ev.IDs[:min(len(ev.IDs), maxIDs)]...), Unit: cut(ev.Target.Unit, maxName), Failures: ev.Breaker.Failures,
	}
	if ev.Reason != recovery.ReasonNone {
		n.Reason = ev.Reason.String()
	}
	if ev.Breaker.State == breaker.Open {
		n.NextTrial = ev.Breaker.NextTrial
	}
	switch {
	case ev.Err != nil:
		n.Error = oneLine(ev.Err.Error())
	case event == config.NotifyBreakerOpened:
		n.Error = oneLine(ev.Breaker.LastError)
	}
	return n, true
}

func eventOf(ev recovery.Event) config.NotifyEvent {
	switch ev.Kind { //nolint:exhaustive // most events are not to be told anybody
	case recovery.RecoveryFailed:
		return config.NotifyRecoveryFailed
	case recovery.BreakerOpened:
		return config.NotifyBreakerOpened
	case recovery.BreakerClosed:
		return config.NotifyBreakerClosed
	case recovery.Flapped:
		return config.NotifyFlapping
	case recovery.RecoverySucceeded:
		if ev.Trial {
			return config.NotifyRecoveredAfterOpen
		}
	}
	return config.NotifyUnknown
}

func databaseUnreachable(now, since time.Time, err error) Notice {
	n := Notice{Event: config.NotifyDatabaseUnreachable, At: now, Times: 1, Took: now.Sub(since)}
	if err != nil {
		n.Error = oneLine(err.Error())
	}
	return n
}

func databaseBack(at time.Time, took time.Duration) Notice {
	return Notice{Event: config.NotifyDatabaseUnreachable, Over: true, At: at, Times: 1, Took: took}
}

// oneLine makes one bounded line of printable characters of a foreign text.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(text), "\ufffd"))
	return cut(text, maxError)
}

// cut bounds a text to so many characters.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
