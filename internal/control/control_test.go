package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv"
)

// daemon is a daemon that answers as it is told and records what it is asked.
type daemon struct {
	mu      sync.Mutex
	calls   []string
	by      recovery.Operator
	refused int
	err     error
	steps   []Progress
	// hold, where it is set, keeps an answer until it is closed.
	hold chan struct{}
}

func (d *daemon) called(by recovery.Operator, format string, args ...any) error {
	d.mu.Lock()
	d.calls = append(d.calls, fmt.Sprintf(format, args...))
	d.by = by
	hold, err := d.hold, d.err
	d.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return err
}

func (d *daemon) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

func (d *daemon) Status(_ context.Context, process string) (Status, error) {
	return Status{Version: "v1", Processes: []Process{}}, d.called(recovery.Operator{}, "status %q", process)
}

func (d *daemon) History(_ context.Context, process string, limit int) (History, error) {
	return History{}, d.called(recovery.Operator{}, "history %q %d", process, limit)
}

func (d *daemon) Explain(_ context.Context, process string) (Explanation, error) {
	return Explanation{Process: process}, d.called(recovery.Operator{}, "explain %q", process)
}

func (d *daemon) Names(context.Context) ([]string, error) {
	return []string{"nginx"}, d.called(recovery.Operator{}, "names")
}

func (d *daemon) Restart(ctx context.Context, by recovery.Operator, r RestartRequest, told func(Progress) error) error {
	if err := d.called(by, "restart %q %t", r.Process, r.Force); err != nil {
		return err
	}
	for _, s := range d.steps {
		if err := told(s); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (d *daemon) Reset(_ context.Context, by recovery.Operator, process string) (Done, error) {
	return Done{Message: "reset"}, d.called(by, "reset %q", process)
}

func (d *daemon) Pause(_ context.Context, by recovery.Operator, process string, length time.Duration, why string) (Done, error) {
	return Done{Message: "paused"}, d.called(by, "pause %q %s %q", process, length, why)
}

func (d *daemon) Resume(_ context.Context, by recovery.Operator, process string) (Done, error) {
	return Done{Message: "resumed"}, d.called(by, "resume %q", process)
}

func (d *daemon) CheckNow(_ context.Context, by recovery.Operator) (Done, error) {
	return Done{Message: "polled"}, d.called(by, "check-now")
}

func (d *daemon) Refused(recovery.Operator) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused++
}

// path is short: a socket's address holds no more than 107 bytes.
func path(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "run", "control.sock")
}

func serve(t *testing.T, d *daemon) (*Server, *Client) {
	t.Helper()
	s, err := Listen(path(t), "no such group", d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := NewClient(s.Path())
	t.Cleanup(c.Close)
	return s, c
}

func TestEveryRequestReachesTheDaemonAsItIsMeant(t *testing.T) {
	d := &daemon{steps: []Progress{{Event: "restarted"}, {Verdict: VerdictSucceeded}}}
	_, c := serve(t, d)
	ctx := t.Context()
	const hostile = "x; reboot & ?%/ă"
	var steps []string
	for _, ask := range []func() error{
		func() error { _, err := c.Status(ctx, ""); return err },
		func() error { _, err := c.Status(ctx, hostile); return err },
		func() error { _, err := c.History(ctx, "nginx", 5); return err },
		func() error { _, err := c.Explain(ctx, hostile); return err },
		func() error { _, err := c.Names(ctx); return err },
		func() error { _, err := c.Reset(ctx, Target{All: true}); return err },
		func() error { _, err := c.Reset(ctx, Target{Process: "nginx"}); return err },
		func() error {
			_, err := c.Pause(ctx, PauseRequest{Target: Target{Process: "nginx"}, Seconds: 1.5, Why: "because"})
			return err
		},
		func() error { _, err := c.Pause(ctx, PauseRequest{Target: Target{All: true}}); return err },
		func() error { _, err := c.Resume(ctx, Target{Process: hostile}); return err },
		func() error { _, err := c.CheckNow(ctx); return err },
		func() error {
			end, err := c.Restart(ctx, RestartRequest{Process: "nginx", Force: true}, func(p Progress) { steps = append(steps, p.Event) })
			steps = append(steps, end.Verdict)
			return err
		},
	} {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	want := []string{
		`status ""`, `status "` + hostile + `"`, `history "nginx" 5`, `explain "` + hostile + `"`, "names",
		`reset ""`, `reset "nginx"`, `pause "nginx" 1.5s "because"`, `pause "" 0s ""`, `resume "` + hostile + `"`,
		"check-now", `restart "nginx" true`,
	}
	if got := d.asked(); !slices.Equal(got, want) {
		t.Errorf("asked\n%q\nwant\n%q", got, want)
	}
	if !slices.Equal(steps, []string{"restarted", VerdictSucceeded}) {
		t.Errorf("told %q", steps)
	}
	if d.by.UID != uint32(os.Getuid()) || d.by.PID != int32(os.Getpid()) || d.by.Name == "" {
		t.Errorf("asked by %+v", d.by)
	}
}

func TestBadRequestsAreRefusedAndChangeNothing(t *testing.T) {
	d := &daemon{}
	_, c := serve(t, d)
	for _, q := range []struct{ method, path, body, code string }{
		{"GET", "/v1/nothing", "", CodeUnknownPath},
		{"GET", "/", "", CodeUnknownPath},
		{"GET", "/v2/status", "", CodeUnknownPath},
		{"GET", "/v1/pause", "", CodeUnknownPath},
		{"DELETE", "/v1/status", "", CodeUnknownPath},
		{"GET", "/v1/explain", "", CodeBadRequest},
		{"GET", "/v1/history?limit=0", "", CodeBadRequest},
		{"GET", "/v1/history?limit=x", "", CodeBadRequest},
		{"GET", "/v1/status?process=" + strings.Repeat("x", 2000), "", CodeBadRequest},
		{"GET", "/v1/status?process=%ff", "", CodeBadRequest},
		{"POST", "/v1/pause", "", CodeBadRequest},
		{"POST", "/v1/pause", "{}", CodeBadRequest},
		{"POST", "/v1/pause", `{"process":"p","all":true}`, CodeBadRequest},
		{"POST", "/v1/pause", `{"process":"p","seconds":-1}`, CodeBadRequest},
		{"POST", "/v1/pause", `{"process":"p","seconds":1e300}`, CodeBadRequest},
		{"POST", "/v1/pause", `{"process":"p","secs":1}`, CodeBadRequest},
		{"POST", "/v1/pause", `{"process":"p"} {"process":"q"}`, CodeBadRequest},
		{"POST", "/v1/pause", `{"process":"p","why":"` + strings.Repeat("x", 600) + `"}`, CodeBadRequest},
		{"POST", "/v1/pause", `{"process":7}`, CodeBadRequest},
		{"POST", "/v1/pause", `{"process":"p","why":"` + strings.Repeat("x", maxBody) + `"}`, CodeTooLarge},
		{"POST", "/v1/restart", `[]`, CodeBadRequest},
		{"POST", "/v1/restart", `{"force":true}`, CodeBadRequest},
		{"POST", "/v1/check-now", `{"x":1}`, CodeBadRequest},
	} {
		request, err := http.NewRequestWithContext(t.Context(), q.method, "http://daemon"+q.path, strings.NewReader(q.body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.http.Do(request)
		if err != nil {
			t.Errorf("%s %.40s: %v", q.method, q.path, err)
			continue
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if want := `"code":"` + q.code + `"`; !strings.Contains(string(body), want) || response.StatusCode != httpStatus(q.code) {
			t.Errorf("%s %.40s %.40s: %s %s, want %s", q.method, q.path, q.body, response.Status, body, want)
		}
	}
	if calls := d.asked(); len(calls) > 0 {
		t.Errorf("the daemon was asked: %q", calls)
	}
}

func TestErrorsOfTheDaemonReachWhoAsks(t *testing.T) {
	d := &daemon{}
	_, c := serve(t, d)
	for _, e := range []struct {
		err  error
		want Error
	}{
		{&Error{Code: CodeUnknownProcess, Message: "no", Nearest: "nginx"}, Error{Code: CodeUnknownProcess, Message: "no", Nearest: "nginx"}},
		{&recovery.Refusal{Reason: recovery.ReasonPaused, Detail: "it is paused"}, Error{Code: CodeRefused, Message: "it is paused", Reason: "paused"}},
		{context.Canceled, Error{Code: CodeUnavailable, Message: "the daemon could not answer in time, or is stopping"}},
		{errors.New("disk on fire"), Error{Code: CodeInternal, Message: "disk on fire"}},
	} {
		d.err = e.err
		_, err := c.Restart(t.Context(), RestartRequest{Process: "p"}, func(Progress) { t.Error("told something") })
		var got *Error
		if !errors.As(err, &got) || *got != e.want {
			t.Errorf("%v became %+v, want %+v", e.err, got, e.want)
		}
	}
}

func TestASocketThatADeadDaemonHasLeftIsReplaced(t *testing.T) {
	p := path(t)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: p, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Listen(p, "no such group", &daemon{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := NewClient(p).Status(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

func TestALiveSocketIsLeftAlone(t *testing.T) {
	s, c := serve(t, &daemon{})
	if _, err := Listen(s.Path(), "no such group", &daemon{}); !errors.Is(err, ErrLive) {
		t.Errorf("a second daemon: %v", err)
	}
	if _, err := c.Status(t.Context(), ""); err != nil {
		t.Errorf("the first one, afterwards: %v", err)
	}
	// Also while its socket cannot be seen: it may be about to make it.
	if err := os.Remove(s.Path()); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(s.Path(), "no such group", &daemon{}); !errors.Is(err, ErrLive) {
		t.Errorf("a second daemon that sees no socket: %v", err)
	}
	// Somebody who knows of no lock is alive as well.
	p := path(t)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	foreign, err := net.ListenUnix("unix", &net.UnixAddr{Name: p, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if _, err := Listen(p, "no such group", &daemon{}); !errors.Is(err, ErrLive) {
		t.Errorf("somebody else's socket: %v", err)
	}
}

func TestAFileThatIsNoSocketIsLeftAlone(t *testing.T) {
	p := path(t)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(p, "no such group", &daemon{}); err == nil || !strings.Contains(err.Error(), p) {
		t.Errorf("error %v", err)
	}
	if content, err := os.ReadFile(p); err != nil || string(content) != "precious" {
		t.Errorf("the file is now %q (%v)", content, err)
	}
}

func TestTheSocketIsForOwnerAndGroupAndGoneAfterwards(t *testing.T) {
	s, err := Listen(path(t), "no such group", &daemon{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.Path())
	if err != nil || info.Mode().Perm() != socketMode {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestWhoIsAllowed(t *testing.T) {
	for _, c := range []struct {
		uid    uint32
		groups []uint32
		group  int
		want   bool
	}{
		{0, nil, noGroup, true},
		{500, nil, noGroup, true}, // the daemon's own
		{1000, []uint32{1000}, noGroup, false},
		{1000, []uint32{1000}, 990, false},
		{1000, []uint32{1000, 990}, 990, true},
	} {
		p := peer{Operator: recovery.Operator{UID: c.uid}, groups: c.groups}
		if got := p.allowed(500, c.group); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// TestWhoIsNotAllowedIsRefusedAlsoWhereTheSocketIsOpen takes the first lock
// away and looks at the second.
func TestWhoIsNotAllowedIsRefusedAlsoWhereTheSocketIsOpen(t *testing.T) {
	d := &daemon{}
	s, c := serve(t, d)
	guarded := s.http.Handler
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stranger := peer{Operator: recovery.Operator{Name: "mallory", UID: 4242, PID: 1}}
		guarded.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, stranger)))
	})
	_, err := c.Pause(t.Context(), PauseRequest{Target: Target{All: true}})
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeDenied || !strings.Contains(e.Message, Group) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Status(t.Context(), ""); err == nil {
		t.Error("the status was told")
	}
	if calls := d.asked(); len(calls) > 0 || d.refused != 2 {
		t.Errorf("asked %q, %d refusals noted", calls, d.refused)
	}
}

func TestThePeerIsWhoTheKernelSays(t *testing.T) {
	d := &daemon{}
	s, _ := serve(t, d)
	c, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, err := peerOf(c.(*net.UnixConn))
	if err != nil {
		t.Fatal(err)
	}
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if !slices.Contains(p.groups, uint32(g)) {
			t.Errorf("the group %d is missing in %v", g, p.groups)
		}
	}
}

func TestTheClientSaysWhyThereIsNoAnswer(t *testing.T) {
	p := path(t)
	if _, err := NewClient(p).Status(t.Context(), ""); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "systemctl start monitor_service") {
		t.Errorf("no socket: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: p, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	if _, err := NewClient(p).Status(t.Context(), ""); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	d := &daemon{}
	s, c := serve(t, d)
	var idle []net.Conn
	for range maxConnections {
		one, err := net.Dial("unix", s.Path())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, one)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.Status(context.Background(), "")
		answered <- err
	}()
	// It is let in when somebody leaves, and by then nobody has asked.
	select {
	case err := <-answered:
		t.Fatalf("let in beside %d others: %v", maxConnections, err)
	case <-time.After(200 * time.Millisecond):
	}
	for _, one := range idle {
		_ = one.Close()
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestASlowClientDoesNotKeepItsPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the limit on reading")
	}
	s, _ := serve(t, &daemon{})
	c, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /v1/pause HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(c) // ends when the server does, or the test never does
}

func TestCloseEndsStreamsUnderWay(t *testing.T) {
	d := &daemon{}
	s, err := Listen(path(t), "no such group", streaming{d})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{}, 10)
	ended := make(chan error, 1)
	go func() {
		end, err := NewClient(s.Path()).Restart(context.Background(), RestartRequest{Process: "p"}, func(Progress) { told <- struct{}{} })
		if err == nil && end.Verdict != VerdictUnknown {
			err = fmt.Errorf("the verdict is %q", end.Verdict)
		}
		ended <- err
	}()
	<-told
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the stream broke before it could tell its end: %v", err)
	}
}

// streaming is a daemon whose recovery never ends.
type streaming struct{ *daemon }

func (s streaming) Restart(ctx context.Context, _ recovery.Operator, _ RestartRequest, told func(Progress) error) error {
	if err := told(Progress{Event: "recovery_started"}); err != nil {
		return err
	}
	<-ctx.Done()
	return told(Progress{Verdict: VerdictUnknown})
}

func TestASocketIsNotMadeWhereOthersCanWrite(t *testing.T) {
	testenv.NeedRoot(t, "only it is led elsewhere by others")
	p := path(t)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		mode os.FileMode
	}{
		{p, 0o777 | os.ModeSticky},
		{filepath.Join(filepath.Dir(p), "new", "s"), 0o777}, // whose directory somebody could lead elsewhere
	} {
		if err := os.Chmod(filepath.Dir(p), c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(c.path, "no such group", &daemon{}); err == nil || errors.Is(err, ErrLive) || !strings.Contains(err.Error(), "others can write to") {
			t.Errorf("%q: error %v", c.path, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(p)); err != nil || len(entries) > 0 {
			t.Errorf("%v was made, %v", entries, err)
		}
	}
}
