package daemon

import (
	"net"
	"strings"
	"testing"
	"time"
)

// A daemon that has run out of descriptors cannot speak to systemd. It does so
// again as soon as it can, and not only when the watchdog's time is over.
func TestAWatchdogThatCouldNotBeFedIsFedSoon(t *testing.T) {
	s := newSite(t)
	path := s.path("notify")
	t.Setenv("NOTIFY_SOCKET", path) // nobody listens there yet
	t.Setenv("WATCHDOG_USEC", "3600000000")
	s.configure("", "")
	s.run()
	s.await("the first poll", func() bool { return strings.Contains(s.read("log"), "Started") })
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_ = l.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 1<<12)
	for {
		n, err := l.Read(buf)
		if err != nil {
			t.Fatalf("it is never fed: %v", err)
		}
		if strings.HasPrefix(string(buf[:n]), "WATCHDOG=1") {
			return
		}
	}
}
