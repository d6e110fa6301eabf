// Package web is the daemon's TCP listener for browsers, Prometheus and load
// balancers: the status page, the metrics, /healthz and /readyz, and what the
// control socket's API shows to everybody. It serves and changes nothing: there
// is no request here that makes the daemon do something. Who may look is up to
// the web configuration, a file in the form of Prometheus' exporters, and what
// there is to see comes from the daemon and in the forms of package control.
package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"monitor_service/internal/control"
)

// Daemon is what there is to see. Its methods may be called by several
// goroutines at once.
type Daemon interface {
	control.Reader
	// Alive returns an error, a sentence in lower case, where the daemon no
	// longer does anything and has to be restarted. It does not wait.
	Alive() error
	// Ready returns an error, a sentence in lower case, where an alarm that
	// is raised now would not be answered.
	Ready(ctx context.Context) error
}

// Options are what a handler needs.
type Options struct {
	Daemon Daemon
	// Metrics answers /metrics; nil is no metrics.
	Metrics http.Handler
	// Loopback says that the listener is for this host alone. Requests must
	// name it then: see thisHost.
	Loopback bool
	// Report is told of what an operator should know, such as a defect that
	// a request ran into. It must not wait, and is called seldom.
	Report func(error)
}

// Handler has the paths of the listener.
func Handler(o Options) http.Handler {
	d := newCalm(o.Daemon)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health(func(context.Context) error { return o.Daemon.Alive() }))
	mux.HandleFunc("GET /readyz", health(d.Ready))
	mux.Handle("GET /api/", bounded(control.ReadOnly("/api", d)))
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics)
	}
	page(mux)
	h := harmless(mux)
	if o.Loopback {
		h = thisHost(h)
	}
	return contained(h, o.Report)
}

// health answers 200 or 503, with a line that says why.
func health(ask func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := ask(r.Context()); err != nil {
			http.Error(w, strings.Join(strings.Fields(err.Error()), " "), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // who asked may have gone
	}
}

const (
	// maxAnswers bounds the answers of the API that are under way at once,
	// as each may hold some megabytes until a slow client has read it.
	maxAnswers = 16
	// placeTime is how long a request waits for one of these places.
	placeTime = 2 * time.Second
)

// bounded lets so many requests through at once. It stands before the API and
// not before the health endpoints, so that slow readers do not make a load
// balancer believe that the daemon is ill.
func bounded(h http.Handler) http.Handler {
	places := make(chan struct{}, maxAnswers)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), placeTime)
		defer cancel()
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			h.ServeHTTP(w, r)
		case <-ctx.Done():
			w.Header().Set("Retry-After", "2")
			http.Error(w, "too many requests are under way", http.StatusServiceUnavailable)
		}
	})
}
