// Package mail is a real SMTP server for tests, with encryption and a login. It
// keeps the letters that it takes, and delivers nothing.
package mail

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// User and Password are the login that the server takes.
const (
	User     = "monitor"
	Password = "cAnArY-7Gq" //nolint:gosec // it opens nothing but this
)

// Letter is a mail as the server took it.
type Letter struct {
	From, To string
	// User is who had logged in, Encrypted whether anybody could listen.
	User      string
	Encrypted bool
	Content   string
}

// Server is a mail server.
type Server struct {
	// Refuse answers a recipient, nil takes it. It is set before the first
	// mail comes.
	Refuse func(to string) error

	addr    *net.TCPAddr
	mu      sync.Mutex
	letters []Letter
}

// Serve serves a listener until the test ends. With a certificate it offers
// STARTTLS, or where implicit is set it is encrypted from the beginning, and it
// lets nobody log in without.
func Serve(t testing.TB, l net.Listener, certificate *tls.Certificate, implicit bool) *Server {
	t.Helper()
	s := &Server{addr: l.Addr().(*net.TCPAddr)}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c}, nil
	}))
	server.Domain = "mx.test"
	server.ErrorLog = quiet{}
	server.AllowInsecureAuth = certificate == nil
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
		if implicit {
			l = tls.NewListener(l, server.TLSConfig)
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return s
}

// Addr is where the server listens.
func (s *Server) Addr() *net.TCPAddr { return s.addr }

// Letters are those that it has taken so far.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

// session is one connection, smtp.Session and smtp.AuthSession.
type session struct {
	server *Server
	conn   *smtp.Conn
	letter Letter
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != User || password != Password {
			// As some servers do, it repeats what it was told.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not " + password}
		}
		s.letter.User = user
		return nil
	}), nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.letter.From = from
	_, s.letter.Encrypted = s.conn.TLSConnectionState()
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.To = to
	if s.server.Refuse != nil {
		return s.server.Refuse(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	s.letter.Content = string(content)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.letters = append(s.server.letters, s.letter)
	return err
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
