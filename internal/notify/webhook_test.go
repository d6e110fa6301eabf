package notify

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"monitor_service/internal/config"
)

func mustHook(t *testing.T, url, ca string) *webhook {
	t.Helper()
	w, err := newWebhook(config.Webhook{URL: config.NewSecret(url), Format: config.WebhookJSON, CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhookPostsJSON(t *testing.T) {
	var got posted
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.URL.Path != "/T0/"+canary {
			w.WriteHeader(http.StatusTeapot)
		}
		_ = json.Unmarshal(body, &got)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if retry, err := mustHook(t, server.URL+"/T0/"+canary, ca).send(limited(t), nastyMessage([]string{"nginx"})); err != nil {
		t.Fatal(retry, err)
	}
	if len(got.Notices) != 2 || got.Notices[0].Process != "nginx" {
		t.Errorf("%+v", got)
	}
	if _, err := mustHook(t, server.URL, "").send(limited(t), nastyMessage([]string{"nginx"})); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that no CA vouches for is trusted: %v", err)
	}
}

func TestWhichAnswersAreTriedAgain(t *testing.T) {
	var code atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) }))
	defer server.Close()
	for status, retry := range map[int]bool{400: false, 401: false, 403: false, 404: false, 408: true, 429: true, 500: true, 502: true, 503: true} {
		code.Store(int64(status))
		if got, err := mustHook(t, server.URL, "").send(limited(t), nastyMessage([]string{"nginx"})); err == nil || got != retry {
			t.Errorf("%d: retry %v, %v", status, got, err)
		}
	}
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/"+canary, http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	retry, err := mustHook(t, server.URL, "").send(limited(t), nastyMessage([]string{"nginx"}))
	if err == nil || retry || elsewhere.Load() || strings.Contains(err.Error(), canary) {
		t.Errorf("retry %v, followed %v, %v", retry, elsewhere.Load(), err)
	}
}

// The token of a chat system stands in its address. Servers like to repeat it.
func TestNoErrorShowsTheWebhooksAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, r.URL.String()+"\n"+r.URL.Query().Get("key")+"\n"+r.URL.Path+strings.Repeat("x", 1<<20))
	}))
	defer server.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, base := range []string{server.URL, gone.URL, "https://no.such.host.invalid", "http://127.0.0.1:0"} {
		base = strings.Replace(base, "://", "://user:"+canary+"@", 1)
		w := mustHook(t, base+"/"+canary+"/x?key="+canary+"%20y", "")
		_, err := w.send(limited(t), nastyMessage([]string{"nginx"}))
		if err == nil {
			t.Fatal("no error")
		}
		if strings.Contains(err.Error(), "Post ") {
			t.Errorf("the error has the address twice: %v", err)
		}
		if n := len(err.Error()); n > 1000 {
			t.Errorf("an error of %d bytes", n)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), canary) {
				t.Error(err)
			}
		}
	}
}

func TestTheSameTroubleIsTheSameText(t *testing.T) {
	for text, want := range map[string]string{
		"read tcp 10.0.0.5:40123->10.0.0.1:25: i/o timeout":                           "read tcp 10.0.0.1:25: i/o timeout",
		"write tcp [fe80::1%eth0]:40123->[fe80::2%eth0]:25: broken pipe":              "write tcp [fe80::2%eth0]:25: broken pipe",
		"lookup mx on 10.0.0.1:53: read udp 10.0.0.5:40123->10.0.0.1:53: i/o timeout": "lookup mx on 10.0.0.1:53: read udp 10.0.0.1:53: i/o timeout",
		"dial tcp 127.0.0.1:25: connect: connection refused":                          "dial tcp 127.0.0.1:25: connect: connection refused",
	} {
		if got := plainError(errors.New(text), nil); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAServerThatNeverAnswersIsLeftWhenTheTimeIsOver(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	retry, err := mustHook(t, server.URL, "").send(ctx, nastyMessage([]string{"nginx"}))
	if err == nil || !retry || !strings.Contains(err.Error(), "longer than send_timeout") {
		t.Errorf("retry %v, %v", retry, err)
	}
}
