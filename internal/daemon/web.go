package daemon

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"monitor_service/internal/config"
	"monitor_service/internal/control"
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
	cfg      config.HTTP
	settings web.Settings
	server   *web.Server
	// err is why there is none, since when.
	err   error
	since time.Time
	// release ends the goroutine that keeps the server, and waits for it.
	release func()
}

// checkHTTP reads the web configuration of a section [http] that is on, and
// says in the log what is unwise about it.
func (d *Daemon) checkHTTP(cfg config.HTTP) (web.Settings, error) {
	if cfg.Listen == "" {
		return web.Settings{}, nil
	}
	settings, err := web.Check(cfg.WebConfig)
	if err == nil && cfg.WebConfig != "" && !cfg.Loopback() {
		for _, w := range settings.Warnings() {
			d.log.Warn("Configuration", "warning", w)
		}
	}
	return settings, err
}

// openWeb opens the listener, or begins to try.
func (d *Daemon) openWeb() {
	d.undo.push("close the HTTP listener", d.web.close)
	d.web.take(d.cfg.HTTP, d.webSettings, nil)
}

// next is what a reload puts into a webSite.
type next struct {
	cfg      config.HTTP
	settings web.Settings
	// server is nil where the section is off, or its address is tried for.
	server *web.Server
	same   bool
}

func (n next) undo() error {
	if n.server == nil {
		return nil
	}
	return n.server.Close()
}

// prepare makes the server of a new configuration beside the old one, or says
// why it cannot be had. With a web configuration it is made anew even so: what
// stands in that may have changed.
func (s *webSite) prepare(cfg config.HTTP) (n next, err error) {
	s.mu.Lock()
	old, was := s.server, s.cfg
	s.mu.Unlock()
	n.cfg = cfg
	if n.same = cfg == was && cfg.WebConfig == ""; n.same || cfg.Listen == "" {
		return n, nil
	}
	if n.settings, err = s.d.checkHTTP(cfg); err != nil {
		return n, err
	}
	var l net.Listener
	switch {
	case old == nil && cfg.Listen == was.Listen:
		return n, nil // it is tried for already
	case old != nil && cfg.Listen == was.Listen:
		l, err = old.Share()
	case old != nil && cfg.Port() == was.Port():
		// One of them may be all addresses of the host: the old one has
		// to go first.
		return n, nil
	default:
		l, err = web.Listen(cfg.Listen)
	}
	if err == nil {
		n.server = s.serve(l, cfg)
	}
	return n, err
}

// use puts what prepare returned in the place of the old server. That one ends
// in the background, as somebody may still be reading from it.
func (s *webSite) use(n next) {
	if n.same {
		return
	}
	if old := s.stop(); old != nil {
		old.Release()
		s.d.background.Go(func() { s.sayClosed(old.Close()) })
	}
	s.take(n.cfg, n.settings, n.server)
}

// take keeps a server, which is made here where there is none.
func (s *webSite) take(cfg config.HTTP, settings web.Settings, server *web.Server) {
	s.mu.Lock()
	s.cfg, s.settings, s.err, s.since = cfg, settings, nil, time.Time{}
	s.mu.Unlock()
	if cfg.Listen == "" {
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
func (s *webSite) keep(ctx context.Context, cfg config.HTTP, server *web.Server) {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.Multiplier, retry.MaxInterval = firstListen, 2, lastListen
	for {
		var err error
		if server != nil {
			select {
			case <-ctx.Done():
				return
			case <-server.Done():
				s.note(nil, fmt.Errorf("the listener at %q has ended: %w", cfg.Listen, server.Err()))
				retry.Reset()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retry.NextBackOff()):
		}
		server, err = s.bind(cfg)
		s.note(server, err)
	}
}

func (s *webSite) bind(cfg config.HTTP) (*web.Server, error) {
	l, err := web.Listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	return s.serve(l, cfg), nil
}

func (s *webSite) serve(l net.Listener, cfg config.HTTP) *web.Server {
	report := func(err error) { s.d.log.Error("HTTP listener, going on", "error", err) }
	return web.Serve(l, cfg.WebConfig, web.Handler(web.Options{
		Daemon: s.d.desk, Metrics: s.d.metrics, Loopback: cfg.Loopback(), Report: report,
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
		s.d.log.Info("HTTP listener is open", "listen", s.cfg.Listen, "with", s.settings.String())
	case s.err == nil:
		s.err, s.since = err, time.Now()
		s.d.log.Error("No status page and no metrics, will retry", "error", err)
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

func (s *webSite) sayClosed(err error) {
	if err != nil {
		s.d.log.Warn("Cannot close the old HTTP listener, ignoring", "error", err)
	}
}

// status is what operators are shown of it, nil where it is off.
func (s *webSite) status() *control.HTTP {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Listen == "" {
		return nil
	}
	h := &control.HTTP{Listen: s.cfg.Listen, TLS: s.settings.TLS, Since: s.since}
	if s.err != nil {
		h.Error = s.err.Error()
	}
	return h
}
