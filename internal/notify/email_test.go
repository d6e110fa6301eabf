package notify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
)

const canary = "cAnArY-7Gq"

// pki is a CA of the test's own and a certificate for 127.0.0.1.
func pki(t *testing.T) (caFile string, server tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return caFile, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// letter is a mail as the server took it.
type letter struct {
	from, to, user string
	encrypted      bool
	content        string
}

// mailbox is a real SMTP server.
type mailbox struct {
	mu      sync.Mutex
	letters []letter
	// refuse answers a recipient, nil takes it.
	refuse func(to string) error
	addr   *net.TCPAddr
}

func (m *mailbox) got() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]letter(nil), m.letters...)
}

type session struct {
	box    *mailbox
	conn   *smtp.Conn
	letter letter
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "monitor" || password != canary {
			// As some servers do, it repeats what it was told.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not " + password}
		}
		s.letter.user = user
		return nil
	}), nil
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.letter.from = from
	_, s.letter.encrypted = s.conn.TLSConnectionState()
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = to
	if s.box.refuse != nil {
		return s.box.refuse(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	s.letter.content = string(content)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.letters = append(s.box.letters, s.letter)
	return err
}

// serve starts a mail server; wrap is tls.NewListener for one that is encrypted
// from the beginning.
func serve(t *testing.T, certificate *tls.Certificate, implicit bool) *mailbox {
	t.Helper()
	box := new(mailbox)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{box: box, conn: c}, nil
	}))
	server.Domain = "mx.test"
	server.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box.addr = l.Addr().(*net.TCPAddr)
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		if implicit {
			l = tls.NewListener(l, server.TLSConfig)
		}
	} else {
		server.AllowInsecureAuth = true
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return box
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func mailTo(box *mailbox, security config.SMTPSecurity, caFile string) config.Email {
	return config.Email{
		To: []string{"ops@example.com"}, From: "monitor@example.com", Host: "127.0.0.1", Port: box.addr.Port, TLS: security, CA: caFile,
		User: "monitor", Password: config.NewSecret(canary),
	}
}

func mustMail(t *testing.T, cfg config.Email) *email {
	t.Helper()
	e, err := newEmail(cfg, "web1")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// limited is enough time for anything but a server that hangs.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestMailIsSentEncryptedAndWithALogin(t *testing.T) {
	ca, certificate := pki(t)
	for _, c := range []struct {
		security  config.SMTPSecurity
		encrypted bool
	}{{config.SMTPStartTLS, true}, {config.SMTPTLS, true}, {config.SMTPOff, false}} {
		t.Run(c.security.String(), func(t *testing.T) {
			certificate := &certificate
			if !c.encrypted {
				certificate = nil
			}
			box := serve(t, certificate, c.security == config.SMTPTLS)
			cfg := mailTo(box, c.security, ca)
			cfg.To = []string{"a@example.com", "b@example.com"}
			m := nastyMessage(append(nasty(), "nginx"))
			if retry, err := mustMail(t, cfg).send(limited(t), m); err != nil {
				t.Fatal(retry, err)
			}
			got := box.got()
			if len(got) != 2 || got[0].to != "a@example.com" || got[1].to != "b@example.com" {
				t.Fatalf("%+v", got)
			}
			if got[0].from != "monitor@example.com" || got[0].user != "monitor" || got[0].encrypted != c.encrypted {
				t.Errorf("%+v", got[0])
			}
			read, err := mail.ReadMessage(strings.NewReader(got[0].content))
			if err != nil {
				t.Fatal(err)
			}
			for header, want := range map[string]string{
				"To": "<a@example.com>", "From": "<monitor@example.com>", "Auto-Submitted": "auto-generated", "Bcc": "",
			} {
				if got := read.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestMailIsRefusedToAServerThatIsNotTheRightOne(t *testing.T) {
	ca, certificate := pki(t)
	for name, c := range map[string]struct {
		box  *mailbox
		ca   string
		mode config.SMTPSecurity
		want string
	}{
		"no STARTTLS":       {serve(t, nil, false), ca, config.SMTPStartTLS, "STARTTLS"},
		"unknown CA":        {serve(t, &certificate, false), "", config.SMTPStartTLS, "certificate"},
		"unknown CA, smtps": {serve(t, &certificate, true), "", config.SMTPTLS, "certificate"},
	} {
		retry, err := mustMail(t, mailTo(c.box, c.mode, c.ca)).send(limited(t), nastyMessage([]string{"nginx"}))
		if err == nil || !retry || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, retry %v", name, err, retry)
		}
		if len(c.box.got()) > 0 {
			t.Errorf("%s: a mail was sent", name)
		}
	}
}

func TestARefusedLoginShowsNoPassword(t *testing.T) {
	ca, certificate := pki(t)
	cfg := mailTo(serve(t, &certificate, false), config.SMTPStartTLS, ca)
	cfg.Password = config.NewSecret(canary + "x")
	retry, err := mustMail(t, cfg).send(limited(t), nastyMessage([]string{"nginx"}))
	if err == nil || retry || !strings.Contains(err.Error(), "535") {
		t.Errorf("retry %v, %v", retry, err)
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), canary) {
			t.Error(err)
		}
	}
}

func TestARefusedRecipientDoesNotSilenceTheOthers(t *testing.T) {
	box := serve(t, nil, false)
	box.refuse = func(to string) error {
		if to == "gone@example.com" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		}
		if to == "busy@example.com" {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
		}
		return nil
	}
	cfg := mailTo(box, config.SMTPOff, "")
	for _, c := range []struct {
		to    string
		retry bool
		want  string
		mails int
	}{
		{"gone@example.com", false, "no such user", 0},
		{"busy@example.com", true, "come back later", 0},
		{"gone@example.com ops@example.com", false, "1 of 2 recipients got nothing", 1},
	} {
		before := len(box.got())
		cfg.To = strings.Fields(c.to)
		e := mustMail(t, cfg)
		retry, err := e.send(limited(t), nastyMessage([]string{"nginx"}))
		if err == nil || retry != c.retry || !strings.Contains(err.Error(), c.want) || len(box.got())-before != c.mails {
			t.Errorf("%s: %d mails, retry %v, %v", c.to, len(box.got())-before, retry, err)
		}
		// The same trouble is the same text.
		if _, again := e.send(limited(t), nastyMessage([]string{"nginx"})); again == nil || again.Error() != err.Error() {
			t.Errorf("%v\n%v", err, again)
		}
	}
}

// A server that takes the connection and then says nothing.
func TestASilentServerIsLeftWhenTheTimeIsOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, security := range []config.SMTPSecurity{config.SMTPOff, config.SMTPTLS} {
		box := &mailbox{addr: l.Addr().(*net.TCPAddr)}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		retry, err := mustMail(t, mailTo(box, security, "")).send(ctx, nastyMessage([]string{"nginx"}))
		cancel()
		if err == nil || !retry || !strings.Contains(err.Error(), "longer than send_timeout") {
			t.Errorf("%s: retry %v, %v", security, retry, err)
		}
	}
}

func TestWrongSettingsAreToldBeforeAnythingIsSent(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ca := range []string{"/is/not/there", empty} {
		if _, err := Prepare(config.Notify{Email: config.Email{To: []string{"a@b"}, Host: "mx", Port: 25, CA: ca}}, command.Run); err == nil || !strings.Contains(err.Error(), ca) {
			t.Errorf("%s: %v", ca, err)
		}
		if _, err := Prepare(config.Notify{Webhook: config.Webhook{URL: config.NewSecret("https://x/"), CA: ca}}, command.Run); err == nil || !strings.Contains(err.Error(), ca) {
			t.Errorf("%s: %v", ca, err)
		}
	}
}
