package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
)

// outage turns what the toolkit logs into one report: it writes a line for each
// request while the web configuration cannot be read.
type outage struct {
	report func(error)
	on     atomic.Bool
}

// over notes that a request got through, for which the toolkit had to read the
// web configuration.
func (o *outage) over(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.on.Store(false)
		h.ServeHTTP(w, r)
	})
}

func (o *outage) logger() *slog.Logger { return slog.New(o) }

// Enabled implements slog.Handler. Below an error the toolkit says what this
// daemon says itself.
func (o *outage) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

// Handle implements slog.Handler.
func (o *outage) Handle(_ context.Context, r slog.Record) error {
	if o.on.Swap(true) {
		return nil
	}
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += ": " + a.Value.String()
		return true
	})
	o.report(errors.New("nobody is let in: web_config: " + text))
	return nil
}

// WithAttrs implements slog.Handler.
func (o *outage) WithAttrs([]slog.Attr) slog.Handler { return o }

// WithGroup implements slog.Handler.
func (o *outage) WithGroup(string) slog.Handler { return o }
