package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/testenv/mail"
	"monitor_service/internal/testenv/pki"
)

const canary = mail.Password

// certificate is a CA of the test's own and a certificate for 127.0.0.1.
func certificate(t *testing.T) (caFile string, server *tls.Certificate) {
	t.Helper()
	pair := pki.New(t)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pair.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return caFile, pair.TLS(t)
}

// serve starts a mail server; implicit is one that is encrypted from the
// beginning.
func serve(t *testing.T, certificate *tls.Certificate, implicit bool) *mail.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return mail.Serve(t, l, certificate, implicit)
}

func mailTo(at *net.TCPAddr, security config.SMTPSecurity, caFile string) config.Email {
	return config.Email{
		To: []string{"ops@example.com"}, From: "monitor@example.com", Host: "127.0.0.1", Port: at.Port, TLS: security, CA: caFile,
		User: mail.User, Password: config.NewSecret(canary),
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
	ca, server := certificate(t)
	for _, c := range []struct {
		security  config.SMTPSecurity
		encrypted bool
	}{{config.SMTPStartTLS, true}, {config.SMTPTLS, true}, {config.SMTPOff, false}} {
		t.Run(c.security.String(), func(t *testing.T) {
			server := server
			if !c.encrypted {
				server = nil
			}
			box := serve(t, server, c.security == config.SMTPTLS)
			cfg := mailTo(box.Addr(), c.security, ca)
			cfg.To = []string{"a@example.com", "b@example.com"}
			m := nastyMessage(append(nasty(), "nginx"))
			if retry, err := mustMail(t, cfg).send(limited(t), m); err != nil {
				t.Fatal(retry, err)
			}
			got := box.Letters()
			if len(got) != 2 || got[0].To != "a@example.com" || got[1].To != "b@example.com" {
				t.Fatalf("%+v", got)
			}
			if got[0].From != "monitor@example.com" || got[0].User != "monitor" || got[0].Encrypted != c.encrypted {
				t.Errorf("%+v", got[0])
			}
			read, err := netmail.ReadMessage(strings.NewReader(got[0].Content))
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
	ca, server := certificate(t)
	for name, c := range map[string]struct {
		box  *mail.Server
		ca   string
		mode config.SMTPSecurity
		want string
	}{
		"no STARTTLS":       {serve(t, nil, false), ca, config.SMTPStartTLS, "STARTTLS"},
		"unknown CA":        {serve(t, server, false), "", config.SMTPStartTLS, "certificate"},
		"unknown CA, smtps": {serve(t, server, true), "", config.SMTPTLS, "certificate"},
	} {
		retry, err := mustMail(t, mailTo(c.box.Addr(), c.mode, c.ca)).send(limited(t), nastyMessage([]string{"nginx"}))
		if err == nil || !retry || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, retry %v", name, err, retry)
		}
		if len(c.box.Letters()) > 0 {
			t.Errorf("%s: a mail was sent", name)
		}
	}
}

func TestARefusedLoginShowsNoPassword(t *testing.T) {
	ca, server := certificate(t)
	cfg := mailTo(serve(t, server, false).Addr(), config.SMTPStartTLS, ca)
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
	box.Refuse = func(to string) error {
		if to == "gone@example.com" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		}
		if to == "busy@example.com" {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
		}
		return nil
	}
	cfg := mailTo(box.Addr(), config.SMTPOff, "")
	for _, c := range []struct {
		to    string
		retry bool
		want  string
		mails int
	}{
		{"gone@example.com", false, "no such user", 0},
		{"busy@example.com", true, "come back later", 0},
		{"gone@example.com ops@example.com", false, "1 of 2 recipients got nothing", 1},
		{"ops@example.com busy@example.com", true, "1 of 2 recipients got nothing", 1},
		{"gone@example.com ops@example.com busy@example.com", true, "2 of 3 recipients got nothing", 1},
	} {
		before := len(box.Letters())
		cfg.To = strings.Fields(c.to)
		e := mustMail(t, cfg)
		retry, err := e.send(limited(t), nastyMessage([]string{"nginx"}))
		if err == nil || retry != c.retry || !strings.Contains(err.Error(), c.want) || len(box.Letters())-before != c.mails {
			t.Errorf("%s: %d mails, retry %v, %v", c.to, len(box.Letters())-before, retry, err)
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
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		retry, err := mustMail(t, mailTo(l.Addr().(*net.TCPAddr), security, "")).send(ctx, nastyMessage([]string{"nginx"}))
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
