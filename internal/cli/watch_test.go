package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"monitor_service/internal/control"
)

// viewer is a terminal as far as status --watch uses one: it has lines, and
// knows how to go home, to clear the rest of a line and the rest of it all.
type viewer struct {
	lines    []string
	row      int
	pending  string
	scrolled bool
}

func (v *viewer) show(bytes string) {
	v.pending += bytes
	for v.pending != "" {
		switch {
		case strings.HasPrefix(v.pending, "\x1b["):
			end := strings.IndexFunc(v.pending[2:], func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				return // the rest is still to come
			}
			v.do(v.pending[2 : end+3])
			v.pending = v.pending[end+3:]
		case v.pending[0] == '\n':
			if v.row++; v.row >= len(v.lines) {
				v.scrolled, v.row = true, len(v.lines)-1
			}
			v.lines[v.row] = "\x00" + v.lines[v.row] // what is written next takes its place
			v.pending = v.pending[1:]
		case v.pending[0] == '\x1b':
			return
		default:
			if c := v.pending[:1]; c != "\r" {
				v.put(c)
			}
			v.pending = v.pending[1:]
		}
	}
}

// put writes over what the frame before had on the line.
func (v *viewer) put(c string) {
	if now, old, ok := strings.Cut(v.lines[v.row], "\x00"); ok {
		v.lines[v.row] = now + c + "\x00" + old[min(len(old), 1):]
		return
	}
	v.lines[v.row] += c
}

func (v *viewer) do(sequence string) {
	switch sequence {
	case "H":
		v.row = 0
		v.lines[0] = "\x00" + v.lines[0]
	case "K":
		v.lines[v.row], _, _ = strings.Cut(v.lines[v.row], "\x00")
	case "J":
		v.do("K")
		for i := v.row + 1; i < len(v.lines); i++ {
			v.lines[i] = ""
		}
	}
}

func (v *viewer) text() string {
	return strings.TrimRight(strings.ReplaceAll(strings.Join(v.lines, "\n"), "\x00", ""), "\n ")
}

// serveStatus answers on a socket with the status that answer returns, or not
// at all when it returns an error.
func serveStatus(t *testing.T, answer func() (control.Status, error)) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		st, err := answer()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_ = json.NewEncoder(w).Encode(st)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return socket
}

func TestWatchingRefreshesInPlaceAndWaitsForADaemonThatIsAway(t *testing.T) {
	master, slave := pty(t, 100, 12)
	var first, back atomic.Bool
	at := time.Date(2026, 11, 23, 2, 49, 46, 0, time.Local)
	socket := serveStatus(t, func() (control.Status, error) {
		st := control.Status{Version: "v1", Started: at.Add(-time.Hour), Now: at, Database: control.Database{Name: "x", Reachable: true, LastPoll: at}}
		switch {
		case first.CompareAndSwap(false, true): // more than the terminal has room for
			for range 30 {
				st.Processes = append(st.Processes, control.Process{
					Name: "first-" + strings.Repeat("long", 10), State: control.Open,
					Breaker: control.Breaker{State: "open", LastError: strings.Repeat("refused ", 30)},
				})
			}
		case !back.Load():
			return st, errors.New("restarting")
		default:
			st.Processes = []control.Process{{Name: "third", State: control.Open}}
		}
		return st, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	client := control.NewClient(socket)
	defer client.Close()
	go func() {
		p := &program{environ: []string{"TERM=xterm", "NO_COLOR=1"}, stdout: slave}
		ended <- p.watchStatus(ctx, client, "")
		_ = slave.Close()
	}()
	v := viewer{lines: make([]string, 12)}
	for i := range v.lines {
		v.lines[i] = "left by the shell"
	}
	buf := make([]byte, 1<<16)
	await := func(what string, seen func(text string) bool) {
		t.Helper()
		_ = master.SetReadDeadline(time.Now().Add(time.Minute))
		for !seen(v.text()) {
			n, err := master.Read(buf)
			if err != nil {
				t.Fatalf("%s: %v\n%s", what, err, v.text())
			}
			v.show(string(buf[:n]))
		}
	}
	await("the first frame", func(s string) bool { return strings.Contains(s, "first-") && strings.HasSuffix(s, "… and 29 more") })
	if !regexp.MustCompile(`(?m) failed last with: refused .*…$`).MatchString(v.text()) {
		t.Errorf("what failed is not told, or runs into the margin:\n%s", v.text())
	}
	if strings.Contains(v.text(), "shell") || v.scrolled {
		t.Errorf("the first frame is not the whole screen:\n%s", v.text())
	}
	await("the daemon is away", func(s string) bool { return strings.HasSuffix(s, "Will retry.") })
	if strings.Contains(v.text(), "first-") {
		t.Errorf("the frame before is still there:\n%s", v.text())
	}
	back.Store(true)
	await("it is back", func(s string) bool { return strings.Contains(s, "third") })
	if strings.Contains(v.text(), "first-") || strings.Contains(v.text(), "retry") || v.scrolled {
		t.Errorf("the frames before are still there:\n%s", v.text())
	}
	if head, _, _ := strings.Cut(v.text(), "\n"); head != "monitor_service up 1h0m: 0 in alarm, 0 recovering" {
		t.Errorf("what was longer shines through: %s", head)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchingADaemonThatNeverRanIsAnError(t *testing.T) {
	client := control.NewClient(filepath.Join(t.TempDir(), "nothing"))
	defer client.Close()
	p := &program{stdout: os.Stderr}
	if err := p.watchStatus(t.Context(), client, ""); err == nil || !strings.Contains(err.Error(), "systemctl start") {
		t.Error(err)
	}
}
