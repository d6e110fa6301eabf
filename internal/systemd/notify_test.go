package systemd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// listen sets $NOTIFY_SOCKET to a socket and returns what reads the next
// message from it.
func listen(t *testing.T) func() string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 1<<16)
		n, err := conn.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		return string(message[:n])
	}
}

func TestNotifications(t *testing.T) {
	next := listen(t)
	n := NewNotifier()
	for _, test := range []struct {
		send func() error
		want string
	}{
		{func() error { return n.Ready("watching 3 processes") }, "READY=1\nSTATUS=watching 3 processes"},
		{func() error { return n.Ready("") }, "READY=1"},
		{func() error { return n.Status("the database is down") }, "STATUS=the database is down"},
		{func() error { return n.Stopping("2 recoveries under way") }, "STOPPING=1\nSTATUS=2 recoveries under way"},
		{n.Watchdog, "WATCHDOG=1"},
	} {
		if err := test.send(); err != nil {
			t.Fatal(err)
		}
		if got := next(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestReloadingCarriesTheMonotonicTime(t *testing.T) {
	next := listen(t)
	before := monotonic(t)
	if err := NewNotifier().Reloading(); err != nil {
		t.Fatal(err)
	}
	after := monotonic(t)
	message := next()
	match := regexp.MustCompile(`\ARELOADING=1\nMONOTONIC_USEC=([0-9]+)\z`).FindStringSubmatch(message)
	if match == nil {
		t.Fatalf("got %q", message)
	}
	usec, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil || usec < before || usec > after {
		t.Errorf("%d is not between %d and %d, %v", usec, before, after, err)
	}
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

func TestAStatusCannotForgeAnotherAssignment(t *testing.T) {
	next := listen(t)
	n := NewNotifier()
	for _, status := range []string{
		"down\nREADY=1", "a\r\nMAINPID=1", "a\x00b\x1b[31m", "\u2028READY=1", "\xff\nSTOPPING=1",
		strings.Repeat("ä", 5000), "a" + strings.Repeat("ä", 5000), strings.Repeat("\n", 9000),
	} {
		if err := n.Status(status); err != nil {
			t.Fatal(err)
		}
		got := next()
		if !strings.HasPrefix(got, "STATUS=") || strings.ContainsAny(got, "\n\r\x00\x1b\u2028") ||
			!utf8.ValidString(got) || len(got) > len("STATUS=")+maxStatus {
			t.Errorf("%.40q became %.60q, %d bytes", status, got, len(got))
		}
	}
}

func TestNobodyToNotifyIsNoError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	for _, n := range []*Notifier{nil, NewNotifier()} {
		for _, err := range []error{n.Ready("a"), n.Status("a"), n.Reloading(), n.Stopping("a"), n.Watchdog()} {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAManagerThatIsGoneIsAnError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if err := NewNotifier().Ready("a"); err == nil {
		t.Error("the notification was sent to nobody")
	}
}

func TestWatchdogInterval(t *testing.T) {
	self := fmt.Sprint(os.Getpid())
	for _, test := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0},
		{"30000000", "", 15 * time.Second},
		{"30000000", self, 15 * time.Second},
		{"30000000", "1", 0},
		{"30000000", "x", 0},
		{"soon", self, 0},
		{"-1", self, 0},
		{"0", self, 0},
	} {
		t.Setenv("WATCHDOG_USEC", test.usec)
		t.Setenv("WATCHDOG_PID", test.pid)
		if got := WatchdogInterval(); got != test.want {
			t.Errorf("%q, %q: got %s, want %s", test.usec, test.pid, got, test.want)
		}
	}
}
