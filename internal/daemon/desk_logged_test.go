package daemon

import (
	"regexp"
	"testing"

	"monitor_service/internal/control"
	"monitor_service/internal/recovery"
)

// Whoever changes what the daemon does is in its log, by the kernel's word.
func TestEveryRequestThatChangesSomethingIsLoggedWithWhoMadeIt(t *testing.T) {
	s := newSite(t)
	s.configure("", "[process.bad]\nhealth_check_command = false\nhealth_check_timeout = 10ms\n")
	k := s.desk()
	alice := recovery.Operator{Name: "alice", UID: 1001, PID: 4242}
	// In this order: the restart fails, so that there is something to reset.
	for _, c := range []struct {
		event, process string
		ask            func() error
	}{
		{"restart_requested", "bad", func() error {
			return k.Restart(t.Context(), alice, control.RestartRequest{Process: "bad"}, func(control.Progress) error { return nil })
		}},
		{"breaker_reset", "bad", func() error { _, err := k.Reset(t.Context(), alice, "bad"); return err }},
		{"paused", "bad", func() error { _, err := k.Pause(t.Context(), alice, "bad", 0, "disks"); return err }},
		{"resumed", "bad", func() error { _, err := k.Resume(t.Context(), alice, "bad"); return err }},
		{"poll_requested", "", func() error { _, err := k.CheckNow(t.Context(), alice); return err }},
	} {
		if err := c.ask(); err != nil {
			t.Fatalf("%s: %v", c.event, err)
		}
		process := ""
		if c.process != "" {
			process = "process=" + c.process + `\b.*`
		}
		line := regexp.MustCompile(`(?m) event=` + c.event + `\b.*` + process + ` by=alice uid=1001 pid=4242\b`)
		s.await(c.event+" is logged", func() bool { return line.MatchString(s.read("log")) })
	}
}
