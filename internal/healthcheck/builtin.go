package healthcheck

import (
	"context"
	"fmt"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/proctable"
	"monitor_service/internal/systemd"
)

// unitLook sees health in a unit that stays up: by systemd's own word it has
// been active for long enough or, where systemd has no word for that, it is up
// in two looks in a row and was not started again between them. One that is up
// for a moment, between two falls, is not well.
type unitLook struct {
	units Units
	name  string
	// stays is how long it has to be active.
	stays  time.Duration
	before systemd.Unit
}

func (l *unitLook) look(ctx context.Context, left time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	before := l.before
	l.before = systemd.Unit{}
	now, err := l.units.Running(ctx, l.name)
	if err == nil && (now.ActiveState != systemd.StateActive || now.InvocationID == "") {
		// Whether it is well all the same, or how it failed, takes more to tell.
		now, err = l.units.Unit(ctx, l.name)
	}
	if err != nil {
		return err
	}
	if !up(now) {
		return fmt.Errorf("unit %q is %s", l.name, state(now))
	}
	l.before = now
	switch {
	case now.ActiveFor >= l.stays:
		return nil
	case before.Name == "":
		return fmt.Errorf("unit %q is %s, and was seen so only once", l.name, state(now))
	case before.InvocationID != now.InvocationID || before.NRestarts != now.NRestarts:
		return fmt.Errorf("unit %q does not stay up: it was started again meanwhile", l.name)
	}
	return nil
}

// up says whether the unit is what it should be after a restart. A oneshot
// service is done by then, and inactive unless it has RemainAfterExit.
func up(u systemd.Unit) bool {
	switch u.ActiveState {
	case systemd.StateActive, systemd.StateReloading, systemd.StateRefreshing:
		return true
	case systemd.StateInactive:
		return u.Type == "oneshot" && u.Result == "success" && u.LoadState == systemd.LoadLoaded
	case systemd.StateUnknown, systemd.StateFailed, systemd.StateActivating,
		systemd.StateDeactivating, systemd.StateMaintenance:
	}
	return false
}

func state(u systemd.Unit) string {
	text := u.ActiveState.String()
	if u.SubState != "" && u.SubState != text {
		text += " (" + u.SubState + ")"
	}
	if u.Result != "" && u.Result != "success" {
		text += ", its result is " + u.Result
	}
	return text
}

// processLook sees health in a process of the name that is there in two looks
// in a row, the same one.
type processLook struct {
	table  *proctable.Table
	name   string
	before []proctable.Process
}

func (l *processLook) look(context.Context, time.Duration) error {
	for _, p := range l.before {
		if alive, err := l.table.Alive(p); err != nil || alive {
			return err
		}
	}
	seen := len(l.before) > 0
	var err error
	l.before, err = l.table.Find(l.name)
	switch {
	case err != nil:
		return err
	case len(l.before) == 0:
		return fmt.Errorf("no process %s is running", command.Quote(l.name))
	case seen:
		return fmt.Errorf("process %s does not stay: another one runs than before", command.Quote(l.name))
	}
	return fmt.Errorf("process %s is running, and was seen so only once", command.Quote(l.name))
}
