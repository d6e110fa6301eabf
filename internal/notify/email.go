package notify

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"monitor_service/internal/config"
)

// messageID is a part of the library's errors that is new in every message.
var messageID = regexp.MustCompile(`, affected message ID: <?[^ <>]*>?`)

// email sends mail through one server, one mail for each recipient, so that an
// address that is refused keeps none of the others from being told.
type email struct {
	cfg     config.Email
	from    string
	helo    string
	tls     *tls.Config
	secrets []string
}

func newEmail(cfg config.Email, host string) (*email, error) {
	roots, err := trust(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("smtp_ca: %w", err)
	}
	roots.ServerName = cfg.Host
	e := &email{cfg: cfg, from: cfg.From, helo: host, tls: roots}
	if e.from == "" {
		e.from = "monitor_service@" + host
	}
	if password := cfg.Password.Reveal(); password != "" {
		// As it is, and as AUTH PLAIN and AUTH LOGIN say it: a server's
		// answer may repeat what it was told.
		encode := base64.StdEncoding.EncodeToString
		e.secrets = []string{encode([]byte("\x00" + cfg.User + "\x00" + password)), encode([]byte(password)), password}
	}
	_, err = e.mails(Message{Host: host, Subject: "x", Text: "x", Omitted: 1})
	return e, err
}

func (e *email) send(ctx context.Context, m Message) (retry bool, err error) {
	mails, err := e.mails(m)
	if err != nil {
		return false, err
	}
	line := &line{cfg: e.cfg, tls: e.tls}
	defer line.close()
	client, err := e.client(line)
	if err != nil {
		return false, e.failed(err)
	}
	// The library heeds the context only while it dials.
	stop := context.AfterFunc(ctx, line.close)
	defer stop()
	err = client.DialAndSendWithContext(ctx, mails...)
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	return e.verdict(mails, err)
}

// verdict says what became of the mails. They are tried again unless the server
// refused all that are left for good; who has got one then gets no second one.
func (e *email) verdict(mails []*mail.Msg, err error) (retry bool, _ error) {
	var delivered, left []string
	var errs []error
	refused := true
	for _, m := range mails {
		if m.IsDelivered() {
			delivered = append(delivered, m.GetTo()[0].Address)
			continue
		}
		left = append(left, m.GetTo()[0].Address)
		if sendErr := new(mail.SendError); errors.As(m.SendError(), &sendErr) {
			errs = append(errs, sendErr)
			refused = refused && sendErr.ErrorCode() >= 500
		} else {
			refused = false
		}
	}
	switch {
	case len(delivered) == len(mails):
		return false, nil // whatever went wrong after that
	case len(errs) > 0 && !errors.Is(err, context.DeadlineExceeded):
		err = errs[0]
	}
	retry = !refused && !isRefusal(err)
	if len(left) < len(e.cfg.To) {
		err = fmt.Errorf("%d of %d recipients got nothing (%s): %w", len(left), len(e.cfg.To), listed(left), err)
	}
	return retry, &partly{error: e.failed(err), told: delivered}
}

// listed names the first of some recipients.
func listed(recipients []string) string {
	const most = 5
	if len(recipients) > most {
		return strings.Join(recipients[:most], ", ") + ", …"
	}
	return strings.Join(recipients, ", ")
}

// isRefusal says whether the server refused for good, such as a login: a reply
// of 500 to 599, RFC 5321 section 4.2.1.
func isRefusal(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code >= 500
}

func (e *email) failed(err error) error {
	text := messageID.ReplaceAllString(plainError(err, e.secrets), "")
	return fmt.Errorf("mail server %q: %s", net.JoinHostPort(e.cfg.Host, strconv.Itoa(e.cfg.Port)), text)
}

func (e *email) client(l *line) (*mail.Client, error) {
	// One try has one limit, the context's; the library's own are longer.
	options := []mail.Option{
		mail.WithPort(e.cfg.Port), mail.WithHELO(e.helo), mail.WithTLSConfig(e.tls), mail.WithDialContextFunc(l.dial),
		mail.WithTimeout(10 * time.Minute), mail.WithoutNoop(),
	}
	switch e.cfg.TLS {
	case config.SMTPStartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case config.SMTPTLS:
		options = append(options, mail.WithSSL())
	case config.SMTPOff:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	case config.SMTPUnknown:
		return nil, errors.New("the kind of encryption is not known")
	}
	if e.cfg.User != "" {
		// The library itself refuses PLAIN and LOGIN in the clear, unless
		// the server is on this host.
		options = append(options, mail.WithUsername(e.cfg.User), mail.WithPassword(e.cfg.Password.Reveal()),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1,
				mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5))
	}
	return mail.NewClient(e.cfg.Host, options...)
}

// mails makes one mail for each recipient who has not got all of it.
func (e *email) mails(m Message) ([]*mail.Msg, error) {
	mails := make([]*mail.Msg, 0, len(e.cfg.To))
	for _, to := range e.cfg.To {
		m := m.untold(to)
		if m.empty() {
			continue
		}
		one := mail.NewMsg(mail.WithNoDefaultUserAgent())
		if err := errors.Join(one.From(e.from), one.To(to)); err != nil {
			return nil, fmt.Errorf("cannot write a mail from %q to %q: %w", e.from, to, err)
		}
		one.Subject(m.Subject)
		one.SetDateWithValue(m.At)
		one.SetMessageID()
		// No answers of people who are away, RFC 3834.
		one.SetGenHeader("Auto-Submitted", "auto-generated")
		one.SetBodyString(mail.TypeTextPlain, m.Text)
		mails = append(mails, one)
	}
	return mails, nil
}

// line is the connection of one try. The library leaves it open where a
// greeting, the encryption or the login fails.
type line struct {
	cfg  config.Email
	tls  *tls.Config
	mu   sync.Mutex
	conn net.Conn
	over bool
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	var err error
	if l.cfg.TLS == config.SMTPTLS {
		dialer := tls.Dialer{Config: l.tls}
		conn, err = dialer.DialContext(ctx, network, address)
	} else {
		var dialer net.Dialer
		conn, err = dialer.DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	l.conn = conn
	return conn, nil
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.conn != nil {
		_ = l.conn.Close()
	}
}
