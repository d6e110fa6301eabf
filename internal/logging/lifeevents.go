package logging

import (
	"context"
	"log/slog"
)

// LifeEvent is an event of the daemon's own life. Like those of the engine they
// have a word, a message identifier and a level that stay.
type LifeEvent int

// The events of the daemon's life.
const (
	LifeUnknown LifeEvent = iota
	// Started: it polls from here on. Stopping is the beginning of its end.
	Started
	Stopping
	// Reloaded: another configuration is in force. NotReloaded: it is
	// refused, and the old one stays.
	Reloaded
	NotReloaded
	// LogFailing: the log file cannot be written. LogWorking: it can again.
	LogFailing
	LogWorking
	// HTTPLost: there is no page and there are no metrics. HTTPOpen: there
	// are, from here on.
	HTTPLost
	HTTPOpen
	numLifeEvents
)

// String is the event's word.
func (e LifeEvent) String() string {
	switch e {
	case Started:
		return "daemon_started"
	case Stopping:
		return "daemon_stopping"
	case Reloaded:
		return "configuration_reloaded"
	case NotReloaded:
		return "configuration_refused"
	case LogFailing:
		return "log_failing"
	case LogWorking:
		return "log_working"
	case HTTPLost:
		return "http_lost"
	case HTTPOpen:
		return "http_open"
	case LifeUnknown, numLifeEvents:
	}
	return "unknown"
}

func (e LifeEvent) line() (slog.Level, string) {
	switch e {
	case Started:
		return slog.LevelInfo, "Started"
	case Stopping:
		return slog.LevelInfo, "Stopping"
	case Reloaded:
		return slog.LevelInfo, "Configuration reloaded"
	case NotReloaded:
		return slog.LevelError, "Configuration not reloaded, the old one stays"
	case LogFailing:
		return slog.LevelError, "Log file cannot be written, will retry"
	case LogWorking:
		return slog.LevelWarn, "Log file is written again"
	case HTTPLost:
		return slog.LevelError, "No status page and no metrics, will retry"
	case HTTPOpen:
		return slog.LevelInfo, "HTTP listener is open"
	case LifeUnknown, numLifeEvents:
	}
	return slog.LevelWarn, "The daemon did something unknown"
}

// Life writes the line of an event of the daemon's life.
func Life(l *slog.Logger, e LifeEvent, more ...slog.Attr) {
	level, text := e.line()
	l.LogAttrs(context.Background(), level, text, append([]slog.Attr{slog.String(keyEvent, e.String())}, more...)...)
}

// LifeMessages lists the lines of these events.
func LifeMessages() []Message {
	var all []Message
	for e := LifeUnknown + 1; e < numLifeEvents; e++ {
		level, text := e.line()
		all = append(all, Message{Event: e.String(), ID: messageID(e.String()), Level: levelName(level), Text: text})
	}
	return all
}
