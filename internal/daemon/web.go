package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/logging"
	"monitor_service/internal/web"
)

// An address that is taken is tried again, first soon, then less often.
const (
	firstListen = time.Second
	lastListen  = time.Minute
)

var _ web.Daemon = (*desk)(nil)

// webSite is the TCP listener of [http], as long as the daemon runs. Nobody needs
// it to recover a process, so that nothing that happens to it stops anything
// but a reload that asks for it.
type webSite struct {
	d *Daemon

	mu sync.Mutex
	// cfg is what is wanted, server what there is: nil where the section is
	// off, and while the address cannot be had.
	cfg    *config.Config
	server *web.Server
	// err is why there is none, since when.
	err   error
	since time.Time
	// release ends the goroutine that keeps the server, and waits for it.
	release func()
}

// openWeb opens the listener, or begins to try.
func (d *Daemon) openWeb() {
	d.undo.push("close the HTTP listener", d.web.close)
	d.web.take(d.cfg, nil)
}

// nextWeb is what a reload puts into a webSite.
type nextWeb struct {
	cfg *config.Config
	// server is nil where the section is off, where its address is tried for,
	// and where the old one yields its listener.
	server *web.Server
	yield  bool
	// settings are those of the server that is made then.
	settings web.Settings
	same     bool
}

func (n nextWeb) undo() error {
	if n.server == nil {
		return nil
	}
	return n.server.Close()
}

// prepare makes the server of a new configuration beside the old one, or says
// why it cannot be had. With a web configuration it is made anew even so: what
// stands in that may have changed.
func (s *webSite) prepare(cfg *config.Config) (nextWeb, error) {
	s.mu.Lock()
	old, was := s.server, s.cfg.HTTP
	s.mu.Unlock()
	n := nextWeb{cfg: cfg, same: cfg.HTTP == was && was.WebConfig == ""}
	if n.same || cfg.HTTP.Listen == "" {
		return n, nil
	}
	var err error
	switch sameAddress := cfg.HTTP.Listen == was.Listen; {
	case old == nil && sameAddress:
		// It is tried for already.
	case old != nil && sameAddress:
		n.yield = true
		n.settings, _, err = web.Check(cfg)
	case old != nil && cfg.HTTP.Port() == was.Port():
		// One of them may be all addresses of the host: the old one has
		// to go first.
	default:
		n.server, err = s.bind(cfg)
	}
	return n, err
}

// use puts what prepare returned in the place of the old server. That one ends
// in the background, as somebody may still be reading from it.
func (s *webSite) use(n nextWeb) {
	if n.same {
		return
	}
	if old := s.stop(); old != nil {
		if n.yield {
			n.server = s.serve(n.cfg, n.settings, old.Yield())
		} else {
			old.Release()
		}
		s.d.background.Go(func() {
			if err := old.Close(); err != nil {
				s.d.log.Warn("Cannot close the old HTTP listener, ignoring", "error", err)
			}
		})
	}
	s.take(n.cfg, n.server)
}

// take keeps a server, which is made here where there is none.
func (s *webSite) take(cfg *config.Config, server *web.Server) {
	s.mu.Lock()
	s.cfg, s.err, s.since = cfg, nil, time.Time{}
	s.mu.Unlock()
	if cfg.HTTP.Listen == "" {
		return
	}
	var err error
	if server == nil {
		server, err = s.bind(cfg)
	}
	s.note(server, err)
	life, cancel := context.WithCancel(context.Background())
	var keeping sync.WaitGroup
	keeping.Go(func() { s.keep(life, cfg, server) })
	s.release = func() {
		cancel()
		keeping.Wait()
	}
}

// keep makes a server where there is none, and again where one has ended by
// itself, until the context ends.
func (s *webSite) keep(ctx context.Context, cfg *config.Config, server *web.Server) {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.Multiplier, retry.MaxInterval = firstListen, 2, lastListen
	for {
		if server != nil {
			select {
			case <-ctx.Done():
				return
			case <-server.Done():
				s.note(nil, fmt.Errorf("the listener at %q has ended: %w", cfg.HTTP.Listen, server.Err())) //nolint:contextcheck // a line of the log has no end
				retry.Reset()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retry.NextBackOff()):
		}
		var err error
		server, err = s.bind(cfg) //nolint:contextcheck // it is closed by whoever took it
		s.note(server, err)       //nolint:contextcheck // a line of the log has no end
	}
}

func (s *webSite) bind(cfg *config.Config) (*web.Server, error) {
	settings, _, err := web.Check(cfg)
	if err != nil {
		return nil, err
	}
	l, err := web.Listen(cfg.HTTP.Listen)
	if err != nil {
		return nil, err
	}
	return s.serve(cfg, settings, l), nil
}

func (s *webSite) serve(cfg *config.Config, settings web.Settings, l *net.TCPListener) *web.Server {
	report := func(err error) { s.d.log.Error("HTTP listener, going on", "error", err) }
	return web.Serve(l, settings, web.Handler(web.Options{
		Daemon: s.d.desk, Metrics: s.d.metrics.Handler(), Loopback: cfg.HTTP.Loopback(), Report: report,
	}), report)
}

// note keeps the books of the listener, and says when it is open, and once when
// it is not.
func (s *webSite) note(server *web.Server, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = server
	switch {
	case err == nil:
		s.err, s.since = nil, time.Time{}
		logging.Life(s.d.log, logging.HTTPOpen, slog.String("listen", s.cfg.HTTP.Listen), slog.String("with", server.Settings().String()))
	case s.err == nil:
		s.err, s.since = err, time.Now()
		logging.Life(s.d.log, logging.HTTPLost, slog.Any("error", err))
	default:
		s.err = err
	}
}

// stop ends the keeping and returns what was kept.
func (s *webSite) stop() *web.Server {
	if s.release != nil {
		s.release()
		s.release = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	server := s.server
	s.server = nil
	return server
}

func (s *webSite) close() error {
	if server := s.stop(); server != nil {
		return server.Close()
	}
	return nil
}

// status is what operators are shown of it, nil where it is off.
func (s *webSite) status() *control.HTTP {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg == nil || s.cfg.HTTP.Listen == "" {
		return nil
	}
	h := &control.HTTP{Listen: s.cfg.HTTP.Listen, Since: s.since}
	if s.server != nil {
		h.TLS = s.server.Settings().TLS
	}
	if s.err != nil {
		h.Error = s.err.Error()
	}
	return h
}
