package logging

import (
	"context"
	"log/slog"
	"time"

	"monitor_service/internal/config"
)

// field is one attribute with its groups flattened into the key, "group.key".
type field struct{ key, value string }

// entry is one record, ready to be written as text or for the journal.
type entry struct {
	at      time.Time
	level   slog.Level
	message string
	fields  []field
}

// flatHandler is a slog.Handler that flattens groups and turns values into
// bounded text. Its level is asked by the logger, not by Handle, so that what
// must be told can be told.
type flatHandler struct {
	level  slog.Leveler
	write  func(entry)
	prefix string
	fields []field
}

// Enabled implements slog.Handler.
func (h *flatHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements slog.Handler.
func (h *flatHandler) Handle(_ context.Context, r slog.Record) error {
	e := entry{at: r.Time, level: r.Level, message: bound(r.Message, maxValue)}
	e.fields = append(make([]field, 0, len(h.fields)+r.NumAttrs()), h.fields...)
	r.Attrs(func(a slog.Attr) bool {
		e.fields = flatten(e.fields, h.prefix, a)
		return true
	})
	h.write(e)
	return nil
}

// WithAttrs implements slog.Handler.
func (h *flatHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.fields = append([]field(nil), h.fields...)
	for _, a := range attrs {
		with.fields = flatten(with.fields, h.prefix, a)
	}
	return &with
}

// WithGroup implements slog.Handler.
func (h *flatHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.prefix += name + "."
	return &with
}

func flatten(fields []field, prefix string, a slog.Attr) []field {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return fields
	}
	if a.Value.Kind() != slog.KindGroup {
		return append(fields, field{prefix + a.Key, bound(valueText(a.Value), maxValue)})
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, member := range a.Value.Group() {
		fields = flatten(fields, prefix, member)
	}
	return fields
}

// fileHandler writes records to the file, in the format that is configured
// when they come.
type fileHandler struct {
	logs       *Logs
	text, json slog.Handler
}

func newFileHandler(l *Logs) *fileHandler {
	return &fileHandler{
		logs: l,
		text: &flatHandler{level: &l.level, write: func(e entry) {
			l.scratch.Write(appendLine(l.scratch.AvailableBuffer(), e))
		}},
		json: slog.NewJSONHandler(&l.scratch, &slog.HandlerOptions{Level: &l.level, ReplaceAttr: jsonAttr}),
	}
}

// Enabled implements slog.Handler.
func (h *fileHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

// Handle implements slog.Handler. It returns no error: slog would drop it.
func (h *fileHandler) Handle(ctx context.Context, r slog.Record) error {
	h.logs.file.add(h.line(ctx, r))
	return nil
}

func (h *fileHandler) line(ctx context.Context, r slog.Record) []byte {
	h.logs.scratchMu.Lock()
	defer h.logs.scratchMu.Unlock()
	h.logs.scratch.Reset()
	if config.Format(h.logs.format.Load()) == config.FormatJSON {
		_ = h.json.Handle(ctx, r) // writing to a buffer does not fail
		return escapeJSON(h.logs.scratch.Bytes())
	}
	_ = h.text.Handle(ctx, r) // as above
	return append([]byte(nil), h.logs.scratch.Bytes()...)
}

// WithAttrs implements slog.Handler.
func (h *fileHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &fileHandler{h.logs, h.text.WithAttrs(attrs), h.json.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *fileHandler) WithGroup(name string) slog.Handler {
	return &fileHandler{h.logs, h.text.WithGroup(name), h.json.WithGroup(name)}
}
