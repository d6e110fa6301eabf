package control

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"monitor_service/internal/recovery"
)

// The bounds of what may be asked.
const (
	maxConnections = 64
	maxHeader      = 8 << 10
	maxBody        = 16 << 10
	readTime       = 5 * time.Second
	idleTime       = 30 * time.Second
	// writeTime is how long an answer may take, its making included; a
	// stream has as long for each line.
	writeTime = 30 * time.Second
	// pollTime is how long a poll that was asked for is waited for.
	pollTime = 60 * time.Second
	// stopTime is how long requests under way may take when the server
	// stops.
	stopTime = 2 * time.Second
)

// Daemon is what the server serves. An error of type *Error is handed on as it
// is, and one of type *recovery.Refusal as a refusal; all others are internal.
// Every method may be called by several goroutines at once. An empty process
// stands for all of them where that makes sense.
type Daemon interface {
	Reader
	Explain(ctx context.Context, process string) (Explanation, error)
	Names(ctx context.Context) ([]string, error)
	// Restart calls told for every event, the last one with a verdict, and
	// returns when the recovery has ended, or told fails, or the context
	// ends: the recovery goes on then.
	Restart(ctx context.Context, by recovery.Operator, r RestartRequest, told func(Progress) error) error
	Reset(ctx context.Context, by recovery.Operator, process string) (Done, error)
	Pause(ctx context.Context, by recovery.Operator, process string, length time.Duration, why string) (Done, error)
	Resume(ctx context.Context, by recovery.Operator, process string) (Done, error)
	// CheckNow polls, and returns when the poll has ended.
	CheckNow(ctx context.Context, by recovery.Operator) (Done, error)
	// Refused is told of somebody who may not use the socket and got as far
	// as this.
	Refused(by recovery.Operator)
}

// Server serves one socket.
type Server struct {
	daemon Daemon
	group  int
	ownUID int
	socket *socket
	http   *http.Server
	// end ends the requests under way.
	end  context.CancelFunc
	done sync.WaitGroup
}

// Listen makes the socket at path and serves it. group is the name of the group
// that may use it, where the host has such a group. An error that wraps ErrLive
// means that another daemon is running. Close ends the server.
func Listen(path, group string, d Daemon) (*Server, error) {
	s := &Server{daemon: d, group: groupID(group), ownUID: os.Geteuid()}
	var err error
	if s.socket, err = listen(path, s.group); err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	s.end = end
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: readTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return life },
		ConnContext:       withPeer,
		// What goes wrong with one client's connection is that client's.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.done.Go(func() { _ = s.http.Serve(limit(s.socket, maxConnections)) }) // it ends with Close
	return s, nil
}

// Path is where the socket is.
func (s *Server) Path() string { return s.socket.path }

// HasGroup says whether a group may use the socket.
func (s *Server) HasGroup() bool { return s.group != noGroup }

// Close ends the server: requests under way may finish for a moment.
func (s *Server) Close() error {
	s.end()
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	s.done.Wait()
	return errors.Join(err, s.socket.Close())
}

type peerKey struct{}

// withPeer finds out once for each connection who is at its other end.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	placed, ok := c.(*placed)
	if !ok {
		return ctx
	}
	unixConn, ok := placed.Conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	p, err := peerOf(unixConn)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, p)
}
