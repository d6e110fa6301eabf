// Package metrics shows Prometheus what the daemon does and how the processes
// that it monitors do. Counters come of the engine's events as they happen;
// everything that is a state is asked for at the scrape. The list of all
// metrics is in catalogue.go.
//
// Names of processes come from a database that is not trusted: at most
// maxProcesses of them have series of their own, the rest is counted under one
// label, names are made safe, and series go with the process that they are of.
//
// A scrape is bounded in time and in what it asks of the host, its answer is
// shared by all who scrape at the same time, and nobody who recovers a process
// waits for it. What could not be found out has no series, rather than a zero.
//
// There is no listener in this room: Handler is served by somebody else.
package metrics

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// maxScrapes bounds the scrapes that are answered at once; one more is
	// told to come again (status 503).
	maxScrapes = 8
	// scrapeLimit bounds the time that a scrape takes to look at the host.
	// Prometheus gives up after 10 s by default (scrape_timeout).
	scrapeLimit = 5 * time.Second
	// freshness is how long an answer about the host serves other scrapes.
	freshness = time.Second
)

// Options are what the metrics are made of, beside the events.
type Options struct {
	// Version and Revision say which build this is; Revision may be empty.
	Version, Revision string
	// Now says how things are. It is called at each scrape, and must be
	// quick.
	Now func() Snapshot
	// Units is the host's systemd, nil where there is none. It is asked at
	// each scrape: it should not share its connection with recoveries.
	Units Units
	// Table is the host's process table.
	Table Table
}

// Metrics are what Prometheus sees of one daemon. New makes them; all methods are safe
// for use by several goroutines.
type Metrics struct {
	opts     Options
	registry *prometheus.Registry
	counters counters
	roster   *roster
	host     *host
	fresh    time.Duration

	// scraping is held by the scrape that looks. Those that wait for it get
	// the same answer.
	scraping sync.Mutex
	states   []prometheus.Metric
	lookedAt time.Time
}

// New returns the metrics of a daemon that begins now. Close ends them.
func New(opts Options) (*Metrics, error) {
	m := &Metrics{
		opts: opts, registry: prometheus.NewRegistry(), counters: newCounters(), roster: newRoster(maxProcesses),
		host: newHost(opts.Units, opts.Table), fresh: freshness,
	}
	all := append(m.counters.all(), m,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range all {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("cannot register a metric: %w", err)
		}
	}
	return m, nil
}

// Close ends a look at the host that is under way, until ctx ends. A read of
// /proc that hangs in the kernel is left behind.
func (m *Metrics) Close(ctx context.Context) {
	m.host.close(ctx)
}

// Handler answers scrapes, in the text format or in OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry: m.registry, MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true,
		// One metric that is wrong must not hide all others; it is
		// counted in promhttp_metric_handler_errors_total.
		ErrorHandling: promhttp.ContinueOnError,
	})
}

// Describe implements prometheus.Collector for the metrics that are asked for
// at the scrape.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, s := range atScrape() {
		ch <- s.desc()
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.scraping.Lock()
	defer m.scraping.Unlock()
	if m.lookedAt.IsZero() || time.Since(m.lookedAt) >= m.fresh {
		m.states = m.look()
		m.lookedAt = time.Now()
	}
	for _, s := range m.states {
		ch <- s
	}
}
