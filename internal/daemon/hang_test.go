package daemon

import (
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

// A database that does not answer, and does not refuse either, holds up the
// poll alone: the loop goes on and tells the watchdog so.
func TestAPollThatHangsDoesNotStarveTheWatchdog(t *testing.T) {
	s := newSite(t)
	text := strings.Replace(s.read("config.ini"), "[monitor]", "query_timeout = 10m\n[monitor]", 1)
	if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := s.path("notify")
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "40000")
	feeds := countFeeds(t, path)
	_, pollNow := s.run()
	s.await("the first poll", func() bool { return strings.Contains(s.read("log"), "Started") && feeds.Load() > 0 })

	s.raise(1, "web")
	s.await("the alarm is answered", func() bool { return !s.inAlarm(1) })
	lock, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	pollNow <- struct{}{}
	s.await("the poll begins", func() bool { return strings.Contains(s.read("log"), "Polling now") })
	before := feeds.Load()
	s.await("the watchdog is fed while the poll hangs", func() bool { return feeds.Load() > before+10 })

	if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	s.raise(2, "mail")
	s.await("the next alarm is answered", func() bool { return !s.inAlarm(2) })
	if log := s.read("log"); strings.Contains(log, "Database cannot be read") {
		t.Errorf("an answer within query_timeout is told as an outage:\n%s", log)
	}
}

// countFeeds counts how often a watchdog is fed, in systemd's place.
func countFeeds(t *testing.T, path string) *atomic.Int64 {
	t.Helper()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	feeds := new(atomic.Int64)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 1<<12)
		for {
			n, err := l.Read(buf)
			if err != nil {
				return // it is closed
			}
			if strings.HasPrefix(string(buf[:n]), "WATCHDOG=1") {
				feeds.Add(1)
			}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return feeds
}
