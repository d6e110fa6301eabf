package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"monitor_service/internal/history"
)

// place serves a daemon at an address of its own until the test ends.
func place(t *testing.T, d *shown, path string, report func(error)) *Server {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := checkAt("127.0.0.1:9187", path)
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(l, settings, Handler(Options{Daemon: d, Loopback: true, Report: report}), report)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Server) address() string { return s.listener.Addr().String() }

func noReport(t *testing.T) func(error) {
	return func(err error) { t.Errorf("reported: %v", err) }
}

// fetch asks on a connection of its own.
func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestSilentClientsHoldUpNobody(t *testing.T) {
	t.Parallel()
	s := place(t, &shown{}, "", noReport(t))
	// More than there are places, so that the last ones wait until the first
	// ones are thrown out.
	for i := range maxConnections + 20 {
		c := dial(t, s)
		if i%2 == 0 {
			_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		}
	}
	if code, body := fetch(t, "http://"+s.address()+"/healthz"); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	s := place(t, &shown{}, "", noReport(t))
	const request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
	open := make([]net.Conn, maxConnections)
	for i := range open {
		open[i] = dial(t, s)
		_, _ = io.WriteString(open[i], request)
		if _, err := io.ReadFull(open[i], make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	more := dial(t, s)
	_, _ = io.WriteString(more, request)
	_ = more.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // no more than a chance to be wrong
	if _, err := more.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one more connection than there may be is answered: %v", err)
	}
	_ = more.SetReadDeadline(time.Time{})
	_ = open[0].Close()
	if _, err := more.Read(make([]byte, 1)); err != nil {
		t.Errorf("a place is free: %v", err)
	}
}

func TestSlowReadersKeepTheHealthEndpointsFromNobody(t *testing.T) {
	t.Parallel()
	long := history.Recovery{Process: "p", Error: strings.Repeat("x", 64<<10)}
	d := &shown{recoveries: make([]history.Recovery, 200)}
	for i := range d.recoveries {
		d.recoveries[i] = long
	}
	s := place(t, d, "", noReport(t))
	// Each begins to read, so that its answer is under way, and stops. It is
	// so for writeTime.
	began := time.Now()
	for range maxAnswers {
		c := dial(t, s)
		_, _ = io.WriteString(c, "GET /api/v1/history HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	asked := d.asked.Load()
	if code, body := fetch(t, "http://"+s.address()+"/healthz"); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	code, _ := fetch(t, "http://"+s.address()+"/api/v1/history")
	if refused := code == http.StatusServiceUnavailable && d.asked.Load() == asked; !refused && time.Since(began) < writeTime {
		t.Errorf("one more answer than there may be: %d", code)
	}
}

func TestARequestThatIsTooLargeIsRefused(t *testing.T) {
	d := &shown{}
	s := place(t, d, "", noReport(t))
	for name, text := range map[string]string{
		"431 Request Header Fields Too Large": "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX-Large: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"413 Request Entity Too Large":        "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n",
		"400 Bad Request":                     "\x16\x03\x01 no HTTP\r\n\r\n",
	} {
		c := dial(t, s)
		_, _ = io.WriteString(c, text) // it may be refused in the middle of it
		line, _ := bufio.NewReader(c).ReadString('\n')
		if !strings.Contains(line, name) {
			t.Errorf("%q, want %s", line, name)
		}
	}
	if n := d.asked.Load(); n != 0 {
		t.Errorf("the daemon was asked %d times", n)
	}
}

func TestADefectEndsOneAnswerAndIsReportedOnce(t *testing.T) {
	d := &shown{defect: "index out of range"}
	reports := make(chan error, 10)
	s := place(t, d, "", func(err error) { reports <- err })
	for range 3 {
		if r, err := http.Get("http://" + s.address() + "/api/v1/status"); err == nil {
			_ = r.Body.Close()
			t.Errorf("answered with %d", r.StatusCode)
		}
	}
	if code, _ := fetch(t, "http://"+s.address()+"/healthz"); code != http.StatusOK {
		t.Errorf("afterwards: %d", code)
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports", len(reports))
	}
	if err := <-reports; !strings.Contains(err.Error(), `"/api/v1/status": defect: index out of range`) || !strings.Contains(err.Error(), "web_test.go") {
		t.Errorf("it does not say where: %v", err)
	}
}

func TestATakenAddressIsNamedWithTheWayOut(t *testing.T) {
	s := place(t, &shown{}, "", noReport(t))
	_, port, _ := net.SplitHostPort(s.address())
	_, err := Listen(s.address())
	want := fmt.Sprintf(`cannot listen at %q: bind: address already in use: set [http] listen to another address, or end what listens there, which "ss -ltnp sport = :%s" shows`, s.address(), port)
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if _, err = Listen("192.0.2.1:9187"); err == nil || !strings.Contains(err.Error(), "this one is not an address of this host") {
		t.Error(err)
	}
}

// TestAServerTakesThePlaceOfAnother asks all the time while it does.
func TestAServerTakesThePlaceOfAnother(t *testing.T) {
	first := place(t, &shown{}, "", noReport(t))
	ctx, cancel := context.WithCancel(t.Context())
	var answered, refused atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			r, err := http.Get("http://" + first.address() + "/healthz")
			if err != nil {
				refused.Add(1)
				t.Logf("refused: %v", err)
				continue
			}
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
			answered.Add(1)
		}
	}()
	second := Serve(first.Yield(), Settings{}, Handler(Options{Daemon: &shown{alive: errors.New("the second")}}), noReport(t))
	t.Cleanup(func() { _ = second.Close() })
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, body := fetch(t, "http://"+first.address()+"/healthz"); body != "the second\n" {
		t.Errorf("answered by another: %q", body)
	}
	for before := answered.Load(); answered.Load() < before+3; {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	if refused.Load() > 0 {
		t.Errorf("%d of %d were turned away", refused.Load(), refused.Load()+answered.Load())
	}
}

// TestAServerThatEndsAnswersWhoeverHadConnected and asks only then.
func TestAServerThatEndsAnswersWhoeverHadConnected(t *testing.T) {
	s := place(t, &shown{}, "", noReport(t))
	connected := make([]net.Conn, 2*maxAnswers)
	for i := range connected {
		connected[i] = dial(t, s)
	}
	fetch(t, "http://"+s.address()+"/healthz") // the others were accepted before
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for {
		c, err := net.Dial("tcp", s.address())
		if err != nil {
			break // it has begun to end
		}
		_ = c.Close()
	}
	for _, c := range connected {
		_, _ = io.WriteString(c, "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
			t.Errorf("answered %q, %v", line, err)
		}
		_ = c.Close()
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestAFullServerYields when no connection more can be accepted.
func TestAFullServerYields(t *testing.T) {
	t.Parallel()
	first := place(t, &shown{}, "", noReport(t))
	for range maxConnections {
		c := dial(t, first)
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	second := Serve(first.Yield(), Settings{}, Handler(Options{Daemon: &shown{alive: errors.New("the second")}}), noReport(t))
	t.Cleanup(func() { _ = second.Close() })
	if _, body := fetch(t, "http://"+first.address()+"/healthz"); body != "the second\n" {
		t.Errorf("answered by another: %q", body)
	}
}

func TestAReleasedAddressIsFree(t *testing.T) {
	s := place(t, &shown{}, "", noReport(t))
	s.Release()
	<-s.Done()
	if s.Err() == nil {
		t.Error("it ended without a reason")
	}
	l, err := Listen(s.address())
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func TestCloseEndsARequestThatHangs(t *testing.T) {
	t.Parallel()
	d := &shown{hold: make(chan struct{})}
	s := place(t, d, "", noReport(t))
	var answer bytes.Buffer
	c := dial(t, s)
	_, _ = io.WriteString(c, "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for d.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	_, _ = io.Copy(&answer, c) // ends, as the connection has
	close(d.hold)
	if answer.Len() > 0 {
		t.Errorf("answered %q", answer.String())
	}
}
