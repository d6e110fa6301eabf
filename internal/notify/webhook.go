package notify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"monitor_service/internal/config"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 4 << 10
	// minToken is the least length of a part of the address that is taken
	// for a token. Shorter ones would garble an error without hiding
	// anything.
	minToken = 6
)

// webhook posts JSON.
type webhook struct {
	url    config.Secret
	host   string
	format config.WebhookFormat
	client *http.Client
	// secrets are the parts of the address that no error may show.
	secrets []string
}

func newWebhook(cfg config.Webhook) (*webhook, error) {
	u, err := url.Parse(cfg.URL.Reveal())
	if err != nil {
		return nil, fmt.Errorf("its address cannot be read") // the error shows the address
	}
	roots, err := trust(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("webhook_ca: %w", err)
	}
	w := &webhook{url: cfg.URL, host: u.Host, format: cfg.Format, secrets: tokens(u)}
	w.client = &http.Client{
		// One message in minutes: a connection that waits for the next
		// one would only be found dead.
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: roots, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: maxAnswer,
		},
		// The message, and with it the token, goes nowhere else; and after
		// most redirections it would not be posted at all.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w, nil
}

// tokens lists the parts of an address that may be secret: all of it but the
// host.
func tokens(u *url.URL) []string {
	list := []string{u.String(), u.RequestURI()}
	if password, ok := u.User.Password(); ok {
		list = append(list, password)
	}
	parts := strings.Split(u.Path, "/")
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, part := range parts {
		if len(part) >= minToken {
			list = append(list, part, url.PathEscape(part), url.QueryEscape(part))
		}
	}
	return list
}

func (w *webhook) send(ctx context.Context, m Message) (retry bool, err error) {
	body, err := payload(w.format, m)
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return false, w.failed(plainError(err, w.secrets))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "monitor_service")
	res, err := w.client.Do(req)
	if err != nil {
		return true, w.failed(plainError(err, w.secrets))
	}
	defer func() { _ = res.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // only for the error's text
	return w.verdict(res, string(answer))
}

// verdict says what a server's answer means. Only a server that is overloaded
// or out of order is asked again: what it does not understand now it will not
// understand later.
func (w *webhook) verdict(res *http.Response, answer string) (retry bool, err error) {
	code := res.StatusCode
	switch {
	case code >= 200 && code < 300:
		return false, nil
	case code >= 300 && code < 400:
		return false, w.failed(fmt.Sprintf("it answers %d, a redirection, which is not followed", code))
	}
	text := fmt.Sprintf("it answers %d %s", code, http.StatusText(code))
	if said := oneLine(redact(answer, w.secrets)); said != "" {
		text += ": " + said
	}
	retry = code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout
	return retry, w.failed(text)
}

func (w *webhook) failed(text string) error {
	return fmt.Errorf("webhook at %q: %s", w.host, text)
}
