package systemd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/daemon"
)

// maxStatus bounds a status in bytes. systemd reads 4096 bytes of a message.
const maxStatus = 1024

// Notifier tells the service manager how this service is, by the protocol of
// sd_notify(3). Where nobody asked to be told, and for a nil Notifier, its
// methods do nothing.
type Notifier struct{ wanted bool }

// NewNotifier returns the notifier for the socket that $NOTIFY_SOCKET names.
func NewNotifier() *Notifier {
	return &Notifier{wanted: os.Getenv("NOTIFY_SOCKET") != ""}
}

// Ready says that the service has started, or has ended reloading.
func (n *Notifier) Ready(status string) error {
	return n.send(daemon.SdNotifyReady, status)
}

// Status says in one line what the service is doing.
func (n *Notifier) Status(status string) error { return n.send("", status) }

// Reloading says that the service reloads its configuration until Ready is
// called.
func (n *Notifier) Reloading() error {
	return n.send(strings.TrimSpace(daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec()), "")
}

// Stopping says that the service is ending.
func (n *Notifier) Stopping(status string) error {
	return n.send(daemon.SdNotifyStopping, status)
}

// ExtendTimeout asks for this much more time, counted from now, to start or to
// stop (EXTEND_TIMEOUT_USEC= of sd_notify(3), systemd 236).
func (n *Notifier) ExtendTimeout(d time.Duration) error {
	return n.send("EXTEND_TIMEOUT_USEC="+strconv.FormatInt(d.Microseconds(), 10), "")
}

// Watchdog says that the service is alive; see WatchdogInterval.
func (n *Notifier) Watchdog() error { return n.send(daemon.SdNotifyWatchdog, "") }

func (n *Notifier) send(state, status string) error {
	if n == nil || !n.wanted {
		return nil
	}
	message := state
	if status != "" {
		message = strings.TrimSpace(state + "\nSTATUS=" + shorten(plain(status), maxStatus))
	}
	if message == "" {
		return nil
	}
	if _, err := daemon.SdNotify(false, message); err != nil {
		return fmt.Errorf("cannot notify the service manager: %w", err)
	}
	return nil
}

// shorten cuts text to at most limit bytes, between characters.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// WatchdogInterval returns how often Watchdog should be called: half of the
// time after which the service manager takes the service for hung
// (sd_watchdog_enabled(3)). 0 means that it does not watch this process.
func WatchdogInterval() time.Duration {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0
	}
	return interval / 2
}
