package cli

import (
	"testing"
	"time"

	"monitor_service/internal/control"
)

func TestABreakerSaysWhenItsTrialIs(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 49, 46, 0, time.UTC)
	for _, c := range []struct {
		inAlarm bool
		trial   time.Duration
		want    string
	}{
		{true, 15 * time.Minute, "open, trial in 15m"},
		{true, 0, "open, trial at the next poll"},
		{false, 15 * time.Minute, "open, no trial for 15m"},
		{false, -time.Hour, "open, trial at its next alarm"},
	} {
		p := control.Process{InAlarm: c.inAlarm, Breaker: control.Breaker{State: "open", NextTrial: now.Add(c.trial)}}
		if got := breakerCell(control.Status{Now: now}, p).text; got != c.want {
			t.Errorf("in alarm %t, trial in %s: %q", c.inAlarm, c.trial, got)
		}
	}
}
