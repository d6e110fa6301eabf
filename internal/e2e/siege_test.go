//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

// dial connects to what is besieged.
type dial func() (net.Conn, error)

// toSocket connects to the control socket, from outside and as root.
func (b *bed) toSocket() (net.Conn, error) { return net.Dial("unix", b.Outside(controlSocket)) }

// besiege opens connections, each of which sends what send says, until the
// context ends.
func besiege(ctx context.Context, n int, connect dial, send func(ctx context.Context, c net.Conn)) (wait func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				c, err := connect()
				if err != nil {
					select { // the daemon restarts
					case <-ctx.Done():
					case <-time.After(100 * time.Millisecond):
					}
					continue
				}
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				send(ctx, c)
				stop()
				_ = c.Close()
			}
		})
	}
	return all.Wait
}

// slowly sends a byte now and then, for as long as the daemon puts up with it.
func slowly(ctx context.Context, c net.Conn) {
	for _, letter := range []byte("GET /v1/status HTTP/1.1\r\nX-Slow: " + strings.Repeat("x", 1000)) {
		if _, err := c.Write([]byte{letter}); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// silently says nothing, until the daemon hangs up.
func silently(_ context.Context, c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// request is one that is to be refused, as it stands, and the statuses that
// say so.
type request struct{ name, text, status string }

// wantRefused sends requests as they stand. What was said is logged, as the
// list of refusals.
func wantRefused(t *testing.T, connect dial, requests []request) {
	t.Helper()
	for _, r := range requests {
		answer := answers(t, connect, r.text)
		line, _, _ := strings.Cut(answer, "\r\n")
		_, body, _ := strings.Cut(answer, "\r\n\r\n")
		t.Logf("%s: %s: %.200s", r.name, line, strings.TrimSpace(body))
		if code, _, _ := strings.Cut(strings.TrimPrefix(line, "HTTP/1.1 "), " "); code == "" || !strings.Contains(r.status, code) {
			t.Errorf("%s: the answer is %q, want %s", r.name, line, r.status)
		}
	}
}

// answers sends a request as it is and returns the beginning of the answer.
func answers(t *testing.T, connect dial, request string) string {
	t.Helper()
	c, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(host.Limit))
	go func() { _, _ = io.WriteString(c, request) }() // it may be refused half-way
	answer := make([]byte, 4096)
	n, _ := io.ReadAtLeast(c, answer, 12)
	return string(answer[:n])
}

func TestMalformedAndOversizedRequestsAreRefused(t *testing.T) {
	b := newBed(t)
	b.start(t, baseConfig+"[process.p]\n")
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: d\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	wantRefused(t, b.toSocket, []request{
		{"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", "400"},
		{"no path", "GET\r\n\r\n", "400"},
		{"no host", "GET /v1/status HTTP/1.1\r\n\r\n", "400"},
		{"another protocol's version", "GET /v1/status HTTP/9.9\r\nHost: d\r\n\r\n", "505"},
		{"a header of 1 MB", "GET /v1/status HTTP/1.1\r\nHost: d\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "431"},
		{"100,000 headers", "GET /v1/status HTTP/1.1\r\nHost: d\r\n" + strings.Repeat("X: y\r\n", 100_000) + "\r\n", "431"},
		{"a path of 1 MB", "GET /v1/" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: d\r\n\r\n", "431"},
		{"a body of 1 MB", post("/v1/pause", `{"process":"p","why":"`+strings.Repeat("x", 1<<20)+`"}`), "413"},
		{"a body without an end", "POST /v1/pause HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("ffff\r\n"+strings.Repeat(" ", 0xffff)+"\r\n", 50), "413"},
		{"two lengths", "POST /v1/pause HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400"},
		{"a negative length", "POST /v1/pause HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n", "400"},
		{"deep JSON", post("/v1/pause", strings.Repeat("[", 10_000)), "400"},
		{"JSON that is none", post("/v1/pause", "{'process':'p'}"), "400"},
		{"JSON that is not UTF-8", post("/v1/reset", "{\"process\":\"\xff\xfe\"}"), "404"},
		{"an unknown field", post("/v1/pause", `{"process":"p","forever":true}`), "400"},
		{"an unknown path", "GET /v1/../../etc/passwd HTTP/1.1\r\nHost: d\r\n\r\n", "307 404"},
		{"an unknown method", "BREW /v1/status HTTP/1.1\r\nHost: d\r\n\r\n", "404"},
		{"a name of 2 KB", "GET /v1/explain?process=" + strings.Repeat("x", 2048) + " HTTP/1.1\r\nHost: d\r\n\r\n", "400"},
	})
	if p := b.status(t, "p"); p.Pause != nil {
		t.Errorf("one of them has paused the process: %+v", p.Pause)
	}
}

// TestASocketUnderSiegeHoldsUpNeitherRecoveriesNorOthersForLong occupies all
// places of the socket with requests that never end, again and again, while
// alarms are raised, an operator asks, and the daemon is restarted.
func TestASocketUnderSiegeHoldsUpNeitherRecoveriesNorOthersForLong(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.install(t, baseConfig+"[process."+worker+"]\nmax_attempts = 1\n")
	b.Put(t, "/etc/systemd/system/"+daemonUnit+".d/watchdog.conf", "[Service]\nWatchdogSec=3\n", 0o644)
	b.Must(t, "systemctl", "daemon-reload")
	b.Must(t, "systemctl", "start", daemonUnit)
	first := b.Property(t, daemonUnit, "MainPID")

	ctx, end := context.WithCancel(t.Context())
	slow := besiege(ctx, 100, b.toSocket, slowly)
	silent := besiege(ctx, 100, b.toSocket, silently)
	b.raiseAlarm(t, 1, worker)
	b.awaitCleared(t, 1)
	b.wantCommand(t, 0, []string{"status"}, "monitor_service up")
	if pid := b.Property(t, daemonUnit, "MainPID"); pid != first {
		t.Errorf("the daemon was process %s and is %s", first, pid)
	}
	// While it restarts, who asks is answered, or told that it is not running
	// or stopping; nobody is left waiting.
	asked := make(chan error, 1)
	go func() {
		for range 2 {
			if _, err := b.Run(t, "systemctl", "restart", daemonUnit); err != nil {
				asked <- err
				return
			}
		}
		asked <- nil
	}()
	told := map[int]string{}
	for restarting := true; restarting; {
		select {
		case err := <-asked:
			if err != nil {
				t.Error(err)
			}
			restarting = false
		default:
			out, status := b.command(t, "status", worker)
			told[status] = out
		}
	}
	end()
	slow()
	silent()
	for status, out := range told {
		t.Logf("while it restarts: status %d: %.200s", status, out)
		if status != 0 && status != 3 && status != 1 {
			t.Errorf("status %d: %s", status, out)
		}
	}
	b.wantCommand(t, 0, []string{"status"}, "monitor_service up")
}

func TestWhatStandsInTheSocketsPlaceIsNeitherUsedNorRemoved(t *testing.T) {
	b := newBed(t)
	b.newVictim(t)
	b.start(t, baseConfig)
	b.Shell(t, "rm "+controlSocket+"; ln -s "+victim+" "+controlSocket)
	b.refused(t, 3, "a link in the socket's place", "the daemon is not running", "status")
	b.Must(t, "systemctl", "reload", daemonUnit)
	b.Must(t, "systemctl", "kill", "--kill-who=main", "--signal=TERM", daemonUnit)
	b.EventuallyIs(t, "the daemon", host.Limit, "inactive", func() string { return b.Property(t, daemonUnit, "ActiveState") })
	b.wantVictimUntouched(t, "a link in the socket's place")

	for _, c := range []struct{ name, socket, plant, says string }{
		{"a socket below somebody's directory", "/srv/eve/c.sock", "", `"/srv/eve" does not belong to root`},
		{"a socket in everybody's directory", "/srv/open/c.sock", "", `others can write to "/srv/open"`},
		{"a socket in a directory such as /tmp", "/srv/tmp/c.sock", "runuser -u eve -- ln -s " + victim + " /srv/tmp/c.sock.lock", `others can write to "/srv/tmp"`},
		{"a link at its path", "/srv/own/c.sock", "ln -s " + victim + " /srv/own/c.sock", "there is a file that is no socket"},
		{"a link at its lock", "/srv/own/l.sock", "ln -s " + victim + " /srv/own/l.sock.lock", "too many levels of symbolic links"},
		{"a file at its path", victim, "", "there is a file that is no socket"},
	} {
		b.Must(t, "sh", "-c", c.plant)
		b.configure(t, baseConfig+"[control]\nsocket = "+c.socket+"\n")
		b.Must(t, "systemctl", "restart", daemonUnit)
		var last string
		b.Eventually(t, c.name+" is said", host.Limit, func() bool {
			for _, e := range b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "PRIORITY=3", "_PID="+b.Property(t, daemonUnit, "MainPID")) {
				last = fmt.Sprint(e["MONITOR_ERROR"])
			}
			return last != ""
		})
		t.Logf("%s: %s", c.name, last)
		if !strings.Contains(last, c.says) {
			t.Errorf("%s: it says %q, want %q", c.name, last, c.says)
		}
		b.wantVictimUntouched(t, c.name)
	}
	if made := b.Must(t, "find", "/srv/eve", "/srv/open", "-mindepth", "1"); made != "" {
		t.Errorf("in somebody else's directory there are now %s", made)
	}
	b.Must(t, "rm", "-f", victim+".lock")
}
