package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

// shown is a daemon that shows what it is told to, and counts what it is asked.
type shown struct {
	asked  atomic.Int64
	status control.Status
	// recoveries are in each history.
	recoveries []history.Recovery
	limit      atomic.Int64
	mu         sync.Mutex
	alive      error
	ready      error
	// hold, where it is set, keeps an answer until it is closed.
	hold chan struct{}
	// defect, where it is set, is what a question ends with.
	defect string
}

func (d *shown) Status(_ context.Context, process string) (control.Status, error) {
	d.asked.Add(1)
	if d.hold != nil {
		<-d.hold
	}
	if d.defect != "" {
		panic(d.defect)
	}
	if process == "unknown" {
		return control.Status{}, &control.Error{Code: control.CodeUnknownProcess, Message: "no such process", Nearest: "nginx"}
	}
	return d.status, nil
}

func (d *shown) History(_ context.Context, _ string, limit int) (control.History, error) {
	d.asked.Add(1)
	d.limit.Store(int64(limit))
	return control.History{Recoveries: d.recoveries}, nil
}

func (d *shown) Alive() error { d.mu.Lock(); defer d.mu.Unlock(); return d.alive }

func (d *shown) Ready(context.Context) error {
	d.asked.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ready
}

// get asks a handler, as a browser on its own host does.
func get(h http.Handler, path string) *httptest.ResponseRecorder { return do(h, http.MethodGet, path) }

func do(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Host = "127.0.0.1:9187"
	h.ServeHTTP(w, r)
	return w
}

func handlerOf(t *testing.T, d *shown) http.Handler {
	return Handler(Options{Daemon: d, Loopback: true, Report: func(err error) { t.Errorf("reported: %v", err) }})
}

func TestHealthEndpointsSayWhatTheDaemonSays(t *testing.T) {
	for _, c := range []struct {
		alive, ready    error
		health, healthy string
	}{
		{nil, nil, "200 ok\n", "200 ok\n"},
		{nil, errors.New("the database\ncannot be read"), "200 ok\n", "503 the database cannot be read\n"},
		{errors.New("the loop hangs"), nil, "503 the loop hangs\n", "503 the loop hangs\n"},
	} {
		h := handlerOf(t, &shown{alive: c.alive, ready: c.ready})
		for path, want := range map[string]string{"/healthz": c.health, "/readyz": c.healthy} {
			w := get(h, path)
			if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != want || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %q, want %q; %v", path, got, want, w.Header())
			}
		}
	}
}

func TestTheAPIAnswersAsTheControlSocketDoes(t *testing.T) {
	d := &shown{
		status:     control.Status{Version: "v1", Processes: []control.Process{{Name: "<script>", State: control.Open}}},
		recoveries: []history.Recovery{{Process: "p", Outcome: history.Failed, Attempts: []history.Attempt{{Number: 1, Error: "no"}}}},
	}
	h := handlerOf(t, d)
	var status control.Status
	var past control.History
	for path, into := range map[string]any{"/api/v1/status": &status, "/api/v1/history?limit=7": &past} {
		w := get(h, path)
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v %s", path, w.Code, err, w.Body)
		}
	}
	if diff := cmp.Diff(d.status, status) + cmp.Diff(control.History{Recoveries: d.recoveries}, past); diff != "" {
		t.Error(diff)
	}
	if d.limit.Load() != 7 {
		t.Errorf("asked for %d recoveries", d.limit.Load())
	}
	if get(h, "/api/v1/history?limit=10000"); d.limit.Load() != maxShown {
		t.Errorf("asked for %d recoveries", d.limit.Load())
	}
	for path, want := range map[string]string{
		"/api/v1/status?process=unknown": `404 {"error":{"code":"unknown_process","message":"no such process","nearest":"nginx"}}`,
		"/api/v1/history?limit=x":        `400 {"error":{"code":"bad_request"`,
		"/api/v1/explain?process=nginx":  `404 {"error":{"code":"unknown_path"`,
		"/api/v1/nothing":                `404 {"error":{"code":"unknown_path"`,
	} {
		if w := get(h, path); !strings.HasPrefix(fmt.Sprintf("%d %s", w.Code, w.Body), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestMetricsAreThereWhereThereAreSome(t *testing.T) {
	if w := get(handlerOf(t, &shown{}), "/metrics"); w.Code != http.StatusNotFound {
		t.Errorf("%d without any", w.Code)
	}
	h := Handler(Options{Daemon: &shown{}, Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })})
	if w := get(h, "/metrics"); w.Code != http.StatusOK || w.Body.String() != "up 1\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func everyPath() []string {
	return []string{
		"/", "/page.js", "/format.js", "/page.css", "/favicon.svg", "/api/v1/status", "/api/v1/history", "/healthz", "/readyz",
		"/metrics", "/nothing", "/api/v1/restart",
	}
}

func TestNoRequestChangesAnything(t *testing.T) {
	d := &shown{}
	h := handlerOf(t, d)
	for _, path := range everyPath() {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PROPFIND"} {
			if w := do(h, method, path); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, allowed is %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, strings.NewReader("x"))
		r.Host = "localhost"
		if h.ServeHTTP(w, r); w.Code != http.StatusRequestEntityTooLarge || w.Header().Get("Connection") != "close" {
			t.Errorf("%s with a body: %d", path, w.Code)
		}
	}
	if n := d.asked.Load(); n != 0 {
		t.Errorf("the daemon was asked %d times", n)
	}
}

func TestEveryAnswerKeepsBrowsersStrict(t *testing.T) {
	h := handlerOf(t, &shown{})
	for _, path := range everyPath() {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			header := do(h, method, path).Header()
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if header.Get(name) != want {
					t.Errorf("%s %s: %s is %q", method, path, name, header.Get(name))
				}
			}
			csp := header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s %s: no %s in %q", method, path, part, csp)
				}
			}
			if strings.Contains(csp, "unsafe") || header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: %v", method, path, header)
			}
		}
	}
}

// TestAPageFromElsewhereCannotReadTheLoopback has the Host that a browser sends
// when a foreign name resolves to this host.
func TestAPageFromElsewhereCannotReadTheLoopback(t *testing.T) {
	d := &shown{}
	hosts := map[string]int{
		"localhost": 200, "LocalHost:9187": 200, "127.0.0.1": 200, "127.0.0.1:9187": 200, "127.9.9.9:80": 200,
		"[::1]:9187": 200, "[::1]": 200, "": 200,
		"evil.example.com": 403, "evil.example.com:9187": 403, "localhost.evil.example.com": 403, "127.0.0.1.nip.io": 403,
		"192.0.2.1": 403, "[fe80::1]:9187": 403, "localhost:9187@evil.example.com": 403, "0.0.0.0:9187": 403,
	}
	for host, want := range hosts {
		for _, loopback := range []bool{true, false} {
			if !loopback {
				want = http.StatusOK
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/api/v1/status", http.NoBody)
			r.Host = host
			Handler(Options{Daemon: d, Loopback: loopback}).ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("host %q, loopback %t: %d, want %d", host, loopback, w.Code, want)
			}
		}
	}
}

func TestManyWhoLookAskTheDaemonOnce(t *testing.T) {
	d := &shown{hold: make(chan struct{})}
	c := newCalm(d)
	var looking sync.WaitGroup
	for range 100 {
		looking.Go(func() {
			if _, err := c.Status(t.Context(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	close(d.hold)
	looking.Wait()
	if n := d.asked.Load(); n != 1 {
		t.Errorf("the daemon was asked %d times", n)
	}
	c.status.at = time.Now().Add(-fresh)
	if _, err := c.Status(t.Context(), ""); err != nil || d.asked.Load() != 2 {
		t.Errorf("%v, asked %d times, though the answer was no longer fresh", err, d.asked.Load())
	}
}

// TestOneQuestionAboutASingleProcessIsUnderWay keeps those who look from taking
// the database's connections away from the daemon.
func TestOneQuestionAboutASingleProcessIsUnderWay(t *testing.T) {
	d := &shown{hold: make(chan struct{})}
	c := newCalm(d)
	first := make(chan error, 1)
	go func() { _, err := c.Status(t.Context(), "nginx"); first <- err }()
	for d.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.History(gone, "nginx", 1); !errors.Is(err, context.Canceled) || d.asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, d.asked.Load())
	}
	close(d.hold)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := c.History(t.Context(), "nginx", 1); err != nil {
		t.Error(err)
	}
}

func TestThePageIsWhatStandsInItsFiles(t *testing.T) {
	h := handlerOf(t, &shown{})
	index := get(h, "/").Body.String()
	for _, name := range []string{"page.css", "page.js", "favicon.svg"} {
		if !strings.Contains(index, `"`+name+`"`) {
			t.Errorf("the page does not ask for %s", name)
		}
	}
	for _, path := range []string{"/", "/page.css", "/page.js", "/format.js", "/favicon.svg"} {
		w := get(h, path)
		tag := w.Header().Get("ETag")
		if w.Code != http.StatusOK || w.Body.Len() == 0 || tag == "" || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d, %d bytes, %v", path, w.Code, w.Body.Len(), w.Header())
		}
		for _, foreign := range []string{"http://", "https://", "//cdn", "innerHTML", "eval(", " style=", " onclick="} {
			text := strings.ReplaceAll(w.Body.String(), "http://www.w3.org/", "")
			if strings.Contains(text, foreign) {
				t.Errorf("%s has %q in it", path, foreign)
			}
		}
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Host = "localhost"
		r.Header.Set("If-None-Match", tag)
		again := httptest.NewRecorder()
		if h.ServeHTTP(again, r); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s, unchanged: %d, %d bytes", path, again.Code, again.Body.Len())
		}
	}
	if w := get(h, "/page/index.html"); w.Code != http.StatusNotFound {
		t.Errorf("a path that is none: %d", w.Code)
	}
}
