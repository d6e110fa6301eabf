package daemon

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/control"
	"monitor_service/internal/recovery"
)

// TestARestartThatWaitsForAPlaceSaysSo asks for three restarts where there is
// one place, which the first of them keeps until all are told.
func TestARestartThatWaitsForAPlaceSaysSo(t *testing.T) {
	s := newSite(t)
	s.configure("max_parallel_restarts = 1", "[process.a]\nrestart_command = while ! test -e "+s.path("go-on")+"; do sleep 0.05; done\n"+
		"[process.b]\n[process.c]\n")
	k := s.desk()
	s.poll(k)
	steps := make(chan control.Progress, 100)
	ended := make(chan error, 3)
	for _, c := range []struct{ name, last, says string }{
		{"a", "recovery_started", ""},
		{"b", "queued", "waits for a place: max_parallel_restarts = 1, all are taken"},
		{"c", "queued", "waits for a place: max_parallel_restarts = 1, all are taken, and 1 wait before it"},
	} {
		go func() {
			ended <- k.Restart(t.Context(), recovery.Operator{Name: "ops"}, control.RestartRequest{Process: c.name}, func(p control.Progress) error {
				steps <- p
				return nil
			})
		}()
		var events []string
		for len(events) == 0 || events[len(events)-1] != c.last {
			var p control.Progress
			select {
			case p = <-steps:
			case <-time.After(time.Minute):
				t.Fatalf("%s: nothing more after %q", c.name, events)
			}
			if events = append(events, p.Event); p.Event == c.last {
				if p.Message != c.says {
					t.Errorf("%s: %q", c.name, p.Message)
				}
			}
			if p.Verdict != "" || len(events) > 2 {
				t.Fatalf("%s: %+v after %q", c.name, p, events)
			}
		}
		if !slices.Equal(events, []string{"restart_requested", c.last}) {
			t.Errorf("%s: %q", c.name, strings.Join(events, " "))
		}
	}
	if err := os.WriteFile(s.path("go-on"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
