// Package bus is a private message bus with a stand-in systemd on it, for
// tests that need the real protocol and a systemd that fails on demand.
//
// The bus is a real dbus-daemon on a socket in a temporary directory, with the
// limits of a system bus. The stand-in answers the methods of systemd's
// Manager that this project calls, keeps units that a test sets up and
// changes, emits JobRemoved, and records every call. It runs nothing: no
// process, no unit file, no dependency.
package bus

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"monitor_service/internal/testenv"
)

// upLimit bounds the start of the bus, which takes some 30 ms.
const upLimit = 20 * time.Second

// configuration has no <servicedir>, so that nothing is ever activated, and no
// <limit>: the daemon's own, tight limits are those of a system bus.
const configuration = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
`

// Bus is a running message bus with its stand-in systemd.
type Bus struct {
	t      testing.TB
	config string
	socket string
	manager

	power  sync.Mutex // Guards daemon.
	daemon *exec.Cmd
}

// Start starts a bus that ends with the test. Without dbus-daemon the test is
// skipped, or fails where CI=true.
func Start(t testing.TB) *Bus {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		testenv.Missing(t, "dbus-daemon is missing: install the package dbus-daemon")
	}
	// Not t.TempDir: its name has the test's in it, and the path of a
	// socket is at most 107 bytes long (unix(7)).
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	b := &Bus{t: t, config: filepath.Join(dir, "bus.conf"), socket: filepath.Join(dir, "bus")}
	b.reset()
	t.Cleanup(func() {
		b.Kill()
		b.endJobs()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	text := fmt.Sprintf(configuration, b.socket)
	if err := os.WriteFile(b.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Revive()
	return b
}

// Address is the bus's address in D-Bus's form.
func (b *Bus) Address() string { return "unix:path=" + b.socket }

// Dial returns a connection to the bus that lives as long as ctx.
func (b *Bus) Dial(ctx context.Context) (*dbus.Conn, error) {
	auth := dbus.AuthExternal(strconv.Itoa(os.Geteuid()))
	return dbus.Connect(b.Address(), dbus.WithContext(ctx), dbus.WithAuth(auth))
}

// Kill ends the bus at once, as a crash would. The stand-in's units and jobs
// live on, unheard, as systemd's do.
func (b *Bus) Kill() {
	b.power.Lock()
	defer b.power.Unlock()
	if b.daemon == nil {
		return
	}
	if err := b.daemon.Process.Kill(); err != nil {
		b.t.Error(err)
	}
	_ = b.daemon.Wait() // Killed, as it says.
	b.daemon = nil
	b.disconnect()
}

// Revive starts the bus again at the same address, with the stand-in on it.
func (b *Bus) Revive() {
	b.t.Helper()
	b.power.Lock()
	defer b.power.Unlock()
	if b.daemon != nil {
		b.t.Fatal("the bus is running")
	}
	cmd := exec.Command("dbus-daemon", "--config-file="+b.config, "--nofork", "--nopidfile", "--print-address=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var complaints bytes.Buffer // Shown only where it matters: some are usual.
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.daemon = cmd
	// The daemon says its address once it listens.
	hung := time.AfterFunc(upLimit, func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	hung.Stop()
	if err != nil || !strings.HasPrefix(line, b.Address()) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // It ends the writing of complaints.
		b.daemon = nil
		b.t.Fatalf("the bus did not come up within %s: %q, %v\n%s", upLimit, line, err, &complaints)
	}
	conn, err := b.Dial(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.connect(conn); err != nil {
		b.t.Fatal(err)
	}
}

// Freeze stops the bus without ending it: its socket stays open, and nothing
// is answered until Thaw.
func (b *Bus) Freeze() { b.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (b *Bus) Thaw() { b.signal(syscall.SIGCONT) }

func (b *Bus) signal(s syscall.Signal) {
	b.t.Helper()
	b.power.Lock()
	defer b.power.Unlock()
	if b.daemon == nil {
		b.t.Fatal("the bus is not running")
	}
	if err := b.daemon.Process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
}
