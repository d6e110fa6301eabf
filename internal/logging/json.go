package logging

import (
	"fmt"
	"log/slog"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const jsonTime = "2006-01-02T15:04:05.000Z07:00" // RFC 3339

// jsonAttr makes the JSON lines say what the text lines say: the names of the
// levels, local times, durations for people, and bounded values.
func jsonAttr(groups []string, a slog.Attr) slog.Attr {
	if a.Equal(slog.Attr{}) {
		return a
	}
	if level, ok := a.Value.Any().(slog.Level); ok && len(groups) == 0 && a.Key == slog.LevelKey {
		return slog.String(a.Key, levelName(level))
	}
	switch a.Value.Kind() {
	case slog.KindTime:
		a.Value = slog.StringValue(a.Value.Time().Local().Format(jsonTime))
	case slog.KindString, slog.KindDuration, slog.KindAny:
		a.Value = slog.StringValue(bound(valueText(a.Value), maxValue))
	case slog.KindBool, slog.KindFloat64, slog.KindInt64, slog.KindUint64, slog.KindGroup, slog.KindLogValuer:
	}
	return a
}

// escapeJSON copies a line of JSON and writes \u escapes for what a terminal
// would act upon rather than show. Such characters stand in strings only, so
// that the meaning stays the same.
func escapeJSON(line []byte) []byte {
	out := make([]byte, 0, len(line))
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, line[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		line = line[size:]
	}
	return out
}
