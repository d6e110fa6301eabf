package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/netutil"
)

// The bounds of what may be asked. There are more connections than the control
// socket has, since each open page keeps one.
const (
	maxConnections = 256
	maxHeader      = 8 << 10
	readTime       = 5 * time.Second
	idleTime       = 30 * time.Second
	// writeTime is how long an answer may take, its making included. It is
	// more than Prometheus waits for metrics unless it is told otherwise.
	writeTime = 15 * time.Second
	// stopTime is how long requests under way may take when the server
	// stops.
	stopTime = 2 * time.Second
)

// Listen binds an address, an IP address with a port or ":PORT". Its error says
// what to do.
func Listen(address string) (*net.TCPListener, error) {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	l, err := net.ListenTCP("tcp", at)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(address)
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without the address, which is said once
	}
	advice := "set [http] listen to another address"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice += `, or end what listens there, which "ss -ltnp sport = :` + port + `" shows`
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice += ": this one is not an address of this host"
	case errors.Is(err, syscall.EACCES):
		advice += ": this port is not for this user"
	}
	return nil, fmt.Errorf("cannot listen at %q: %w: %s", address, err, advice)
}

// Server serves one listener.
type Server struct {
	settings Settings
	turn     *turn
	// listener is the turn, with a bound on the connections.
	listener net.Listener
	http     *http.Server
	// connections are those that were accepted and are not closed yet.
	connections sync.WaitGroup
	done        chan struct{}
	// err is why it ended, once done is closed.
	err error
	// end ends the requests under way.
	end context.CancelFunc
}

// Serve serves a listener until Close. The web configuration that the settings
// are of is read again for each connection and request, so that a renewed
// certificate is used at once; where that fails nobody is let in, and report is
// told once.
func Serve(l *net.TCPListener, settings Settings, h http.Handler, report func(error)) *Server {
	turn := &turn{TCPListener: l}
	s := &Server{settings: settings, turn: turn, listener: netutil.LimitListener(turn, maxConnections), done: make(chan struct{})}
	life, end := context.WithCancel(context.Background())
	s.end = end
	broken := &outage{report: report}
	// One protocol, in which a connection has one request at a time.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	s.http = &http.Server{
		Handler:           broken.over(h),
		Protocols:         &protocols,
		ReadHeaderTimeout: readTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return life },
		// What goes wrong with one client's connection is that client's.
		ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.connections.Add(1)
			case http.StateClosed:
				s.connections.Done()
			case http.StateActive, http.StateIdle, http.StateHijacked:
			}
		},
	}
	go func() {
		defer close(s.done)
		s.err = toolkit.Serve(s.listener, s.http, &toolkit.FlagConfig{WebConfigFile: &settings.path}, broken.logger())
	}()
	return s
}

// Settings are those that it was made with.
func (s *Server) Settings() Settings { return s.settings }

// Done is closed when the server has ended, by Close or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is why it ended. It is there once Done is closed.
func (s *Server) Err() error { return s.err }

// Yield ends the accepting and returns the listener, for the server that takes
// this one's place: who connects meanwhile waits for that one, and nobody is
// turned away. This one goes on with the connections that there are, until
// Close.
func (s *Server) Yield() *net.TCPListener {
	s.turn.over.Store(true)
	_ = s.turn.SetDeadline(time.Unix(1, 0))
	_ = s.listener.Close()
	<-s.done
	_ = s.turn.SetDeadline(time.Time{})
	return s.turn.TCPListener
}

// Release gives the address back and goes on with the connections that there
// are, until Close.
func (s *Server) Release() { _ = s.listener.Close() }

// Close ends the server: whoever is connected may have an answer for a moment.
func (s *Server) Close() error {
	err := s.listener.Close()
	<-s.done
	if errors.Is(err, net.ErrClosed) {
		err = nil // released before
	}
	// Not Shutdown: it hangs up on a connection whose first request it has not
	// read, with an answer to none.
	s.http.SetKeepAlivesEnabled(false)
	gone := make(chan struct{})
	go func() {
		s.connections.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(stopTime):
	}
	s.end() // not before: an answer would say that there is none
	return errors.Join(err, s.http.Close())
}

// turn is one server's use of a listener that another may have after it.
type turn struct {
	*net.TCPListener
	over atomic.Bool
}

// Accept implements net.Listener.
func (t *turn) Accept() (net.Conn, error) {
	c, err := t.TCPListener.Accept()
	if err != nil && t.over.Load() {
		err = net.ErrClosed
	}
	return c, err
}

// Close implements net.Listener. What another server has is left open.
func (t *turn) Close() error {
	if t.over.Load() {
		return nil
	}
	return t.TCPListener.Close()
}
