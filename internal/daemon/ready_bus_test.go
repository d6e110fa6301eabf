//go:build integration

package daemon

import (
	"strings"
	"testing"

	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/bus"
)

func TestReadyMeansThatSystemdCanBeAsked(t *testing.T) {
	b := bus.Start(t)
	s := newSite(t)
	s.configure("unconfigured_processes = ignore", "[process.a]\nrestart_strategy = service\n")
	d := s.daemon()
	d.systemd = systemd.NewClientWith(b.Dial)
	t.Cleanup(d.systemd.Close)
	s.start(d)
	k := &desk{d: d}
	s.await("it is ready", func() bool { return k.Ready(t.Context()) == nil })
	b.Kill()
	if err := k.Ready(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "systemd cannot be asked to restart anything: ") {
		t.Errorf("without a bus: %v", err)
	}
	if err := k.Alive(); err != nil {
		t.Errorf("restarting the daemon would not mend that: %v", err)
	}
	b.Revive()
	s.await("it is ready again", func() bool { return k.Ready(t.Context()) == nil })
	b.Freeze() // it takes what is asked, and does not answer
	if err := k.Ready(t.Context()); err == nil {
		t.Error("ready with a bus that hangs")
	}
	b.Thaw()
}
