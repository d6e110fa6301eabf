package logging

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxValue bounds every message and every value, in bytes.
	maxValue = 4 << 10

	textTime = "2006-01-02 15:04:05"
)

// appendLine appends e as one line of text.
func appendLine(b []byte, e entry) []byte {
	if !e.at.IsZero() {
		b = e.at.Local().AppendFormat(b, textTime)
		b = append(b, " - "...)
	}
	b = append(b, levelName(e.level)...)
	b = append(b, " - "...)
	b = appendMessage(b, e.message)
	for _, f := range e.fields {
		b = appendField(b, f)
	}
	return append(b, '\n')
}

// appendMessage appends a message as it is, or quoted where it could be taken
// for something else than a message.
func appendMessage(b []byte, message string) []byte {
	if message != "" && plain(strings.ReplaceAll(message, " ", "_")) {
		return append(b, message...)
	}
	return strconv.AppendQuote(b, message)
}

func appendField(b []byte, f field) []byte {
	b = append(b, ' ')
	for _, r := range f.key {
		if !plainRune(r) {
			r = '_'
		}
		b = utf8.AppendRune(b, r)
	}
	b = append(b, '=')
	if f.value != "" && plain(f.value) {
		return append(b, f.value...)
	}
	return strconv.AppendQuote(b, f.value)
}

// plain says that s can stand in a line as it is.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !plainRune(r) })
}

// plainRune leaves out what ends a value and, with unicode.IsPrint, control
// characters, exotic spaces, and the invisible characters that change a line's
// direction.
func plainRune(r rune) bool {
	return r != ' ' && r != '=' && r != '"' && unicode.IsPrint(r)
}

// levelName is the level as the log has always had it.
func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	}
	return "ERROR"
}

// valueText is a value as people read it.
func valueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindDuration:
		return durationText(v.Duration())
	case slog.KindTime:
		return v.Time().Local().Format(time.RFC3339)
	case slog.KindAny:
		// fmt survives an Error or String method that panics.
		return fmt.Sprint(v.Any())
	case slog.KindBool, slog.KindFloat64, slog.KindInt64, slog.KindUint64,
		slog.KindString, slog.KindGroup, slog.KindLogValuer:
	}
	return v.String()
}

// durationText leaves out digits that nobody reads: 1.234s, 5m3s.
func durationText(d time.Duration) string {
	switch {
	case d.Abs() >= time.Minute:
		d = d.Round(time.Second)
	case d.Abs() >= time.Millisecond:
		d = d.Round(time.Millisecond)
	}
	return d.String()
}

// bound cuts the middle out of a text that is longer than limit bytes: an
// error begins with what failed and ends with what the command said last.
func bound(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	head, tail := limit/2, len(s)-limit/2
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return fmt.Sprintf("%s…(%d bytes left out)…%s", s[:head], tail-head, s[tail:])
}
