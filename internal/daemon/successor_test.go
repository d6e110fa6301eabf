package daemon

import (
	"os"
	"strings"
	"testing"

	"monitor_service/internal/history"
)

// TestASuccessorInReadOnlyModeShowsNothingUnderWay restarts the daemon while the
// alarm waits for its owner.
func TestASuccessorInReadOnlyModeShowsNothingUnderWay(t *testing.T) {
	s := newSite(t)
	text := strings.Replace(s.read("config.ini"), "[monitor]", "clear_alarm = no\n[monitor]", 1)
	if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.raise(1, "p")
	if err := s.daemon().Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	k := s.desk()
	s.await("the successor has taken it over", func() bool { return strings.Contains(s.read("log"), "recovery_resumed") })
	s.poll(k)
	h, err := k.History(t.Context(), "", 0)
	if err != nil || len(h.Recoveries) != 1 || h.Recoveries[0].Outcome != history.Succeeded {
		t.Errorf("%+v, %v", h.Recoveries, err)
	}
	if n := strings.Count(s.read("restarted"), "p"); n != 1 {
		t.Errorf("restarted %d times", n)
	}
}
