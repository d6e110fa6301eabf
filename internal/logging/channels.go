package logging

import (
	"context"
	"log/slog"
)

// ChannelEvent is an event of a channel of notifications. The engine knows none
// of them; like its own they have a word, a message identifier and a level that
// stay.
type ChannelEvent int

// The events of channels.
const (
	ChannelUnknown ChannelEvent = iota
	// ChannelFailing: what was to be told could not be, and is tried again.
	ChannelFailing
	// ChannelLost: what was to be told is given up.
	ChannelLost
	// ChannelPartly: it was told, and is given up for some recipients.
	ChannelPartly
	// ChannelWorking: a channel that did not work does again.
	ChannelWorking
)

// String is the event's word.
func (e ChannelEvent) String() string {
	switch e {
	case ChannelFailing:
		return "notify_failing"
	case ChannelLost:
		return "notify_lost"
	case ChannelPartly:
		return "notify_partly"
	case ChannelWorking:
		return "notify_working"
	case ChannelUnknown:
	}
	return "unknown"
}

func (e ChannelEvent) line() (slog.Level, string) {
	switch e {
	case ChannelFailing:
		return slog.LevelWarn, "Notification cannot be sent, will retry"
	case ChannelLost:
		return slog.LevelError, "Notification cannot be sent and is given up"
	case ChannelPartly:
		return slog.LevelWarn, "Notifications do not reach all recipients, ignoring"
	case ChannelWorking:
		return slog.LevelInfo, "Notifications are sent again"
	case ChannelUnknown:
	}
	return slog.LevelWarn, "A notification channel did something unknown"
}

// Channel writes the line of an event of the named channel.
func Channel(l *slog.Logger, e ChannelEvent, channel string, more ...slog.Attr) {
	level, text := e.line()
	attrs := append([]slog.Attr{slog.String(keyEvent, e.String()), slog.String("channel", channel)}, more...)
	l.LogAttrs(context.Background(), level, text, attrs...)
}

// ChannelMessages lists the lines of these events.
func ChannelMessages() []Message {
	var all []Message
	for _, e := range []ChannelEvent{ChannelFailing, ChannelLost, ChannelPartly, ChannelWorking} {
		level, text := e.line()
		all = append(all, Message{Event: e.String(), ID: messageID(e.String()), Level: levelName(level), Text: text})
	}
	return all
}
