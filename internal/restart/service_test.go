package restart

import (
	"testing"
	"time"

	"monitor_service/internal/systemd"
)

// TestAJobThatIsDoneIsARestartWhereTheUnitWasStarted is about what is left of
// a unit when its job is done. On a host, TestRealUnitWhoseConditionIsNotMet…
// shows that systemd says so.
func TestAJobThatIsDoneIsARestartWhereTheUnitWasStarted(t *testing.T) {
	const took = 5 * time.Second
	unit := func(state systemd.ActiveState, invocation string, change func(*systemd.Unit)) systemd.Unit {
		u := systemd.Unit{Name: "a.service", ActiveState: state, InvocationID: invocation, Type: "oneshot", Result: "success"}
		if change != nil {
			change(&u)
		}
		return u
	}
	unmet := func(age time.Duration) func(*systemd.Unit) {
		return func(u *systemd.Unit) { u.ConditionUnmet, u.ConditionAge = true, age }
	}
	const active, inactive, failed = systemd.StateActive, systemd.StateInactive, systemd.StateFailed
	for name, c := range map[string]struct {
		before, after systemd.Unit
		ok            bool
	}{
		"runs anew":                     {unit(active, "a", nil), unit(active, "b", nil), true},
		"runs as before":                {unit(active, "a", nil), unit(active, "a", nil), false},
		"failed":                        {unit(active, "a", nil), unit(failed, "b", nil), false},
		"a oneshot is over":             {unit(inactive, "", nil), unit(inactive, "b", nil), true},
		"a oneshot is over, forgotten":  {unit(inactive, "", nil), unit(inactive, "", nil), true},
		"a oneshot was active":          {unit(active, "a", nil), unit(inactive, "", nil), false},
		"its condition is not met":      {unit(inactive, "", nil), unit(inactive, "", unmet(took)), false},
		"its condition was not met":     {unit(inactive, "", nil), unit(inactive, "b", unmet(took+1)), true},
		"a service's condition, active": {unit(active, "a", nil), unit(inactive, "a", unmet(0)), false},
	} {
		if err := confirm(c.before, c.after, took); (err == nil) != c.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
