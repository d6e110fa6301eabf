package daemon

import (
	"testing"

	"monitor_service/internal/breaker"
	"monitor_service/internal/control"
	"monitor_service/internal/recovery"
)

func TestAnAcknowledgedAlarmCountsForMoreThanAnOpenBreaker(t *testing.T) {
	open := recovery.Status{Breaker: breaker.Snapshot{State: breaker.Open}}
	for _, c := range []struct {
		inAlarm, acknowledged, paused bool
		want                          control.State
	}{
		{false, true, false, control.Acknowledged},
		{true, true, false, control.Open}, // another of its rows is not
		{true, false, false, control.Open},
		{false, false, false, control.Open},
		{false, true, true, control.Paused},
	} {
		if got := stateOf(control.Process{InAlarm: c.inAlarm, Acknowledged: c.acknowledged}, open, c.paused); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
