package systemd

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// The names on the bus of systemd, of its units and of what they are asked.
const (
	busName       = "org.freedesktop.systemd1"
	managerPath   = "/org/freedesktop/systemd1"
	unitPath      = managerPath + "/unit/"
	unitInterface = busName + ".Unit"

	listUnits      = busName + ".Manager.ListUnitsByNames"
	getProperty    = "org.freedesktop.DBus.Properties.Get"
	getAll         = "org.freedesktop.DBus.Properties.GetAll"
	errInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs"
)

// maxQuestions is how many calls a look at a unit makes at once, at most.
const maxQuestions = 5

// Unit asks systemd for all that it knows about a unit. A unit that systemd does
// not know is no error but has LoadNotFound.
//
// It is not for every restart. The first time since systemd has read its unit
// files it looks through all of them for what enables the unit (UnitFileState),
// 4 ms of its one thread, and each time it reads the counters of the unit's
// control group.
func (c *Client) Unit(ctx context.Context, name string) (Unit, error) {
	return c.look(ctx, name, (*link).everything)
}

// State is Unit without SubState's companions: neither ActiveSince nor CPU and
// Memory nor what is set for services only. It costs systemd nothing but its
// answers.
func (c *Client) State(ctx context.Context, name string) (Unit, error) {
	return c.look(ctx, name, (*link).state)
}

// Running asks for no more than ActiveState, InvocationID and ActiveFor.
func (c *Client) Running(ctx context.Context, name string) (Unit, error) {
	return c.look(ctx, name, (*link).running)
}

func (c *Client) look(
	ctx context.Context, name string, ask func(*link, context.Context, string) (map[string]any, error),
) (Unit, error) {
	missing := Unit{Name: name, LoadState: LoadNotFound, ActiveState: StateInactive}
	if !validName(name) {
		return missing, nil
	}
	var properties map[string]any
	asked, err := uptime()
	if err != nil {
		return Unit{}, fmt.Errorf("cannot look at unit %q: %w", name, err)
	}
	err = c.call(ctx, func(ctx context.Context, l *link) (err error) {
		properties, err = ask(l, ctx, name)
		return err
	})
	if errors.Is(err, ErrNoSuchUnit) {
		return missing, nil
	}
	if err != nil {
		return Unit{}, fmt.Errorf("cannot look at unit %q: %w", name, err)
	}
	return unitOf(name, properties, asked), nil
}

func (l *link) everything(ctx context.Context, name string) (map[string]any, error) {
	call := l.unit(name).CallWithContext(ctx, getAll, 0, "")
	if call.Err != nil {
		return nil, call.Err
	}
	// The library's own way, Store, copies each with reflection.
	all, ok := only(call).(map[string]dbus.Variant)
	if !ok {
		return nil, errAnswer
	}
	properties := make(map[string]any, len(all))
	for key, value := range all {
		properties[key] = value.Value()
	}
	return properties, nil
}

// state asks for what a list of units tells, and beside it for the rest. All
// calls are made at once, which costs little more than one.
func (l *link) state(ctx context.Context, name string) (map[string]any, error) {
	listed := l.bus.Object(busName, managerPath).GoWithContext(ctx, listUnits, 0, nil, []string{name})
	properties, err := l.get(ctx, name, "Names", "InvocationID", "ActiveEnterTimestampMonotonic", "StartLimitIntervalUSec")
	<-listed.Done
	if remote, ok := errors.AsType[dbus.Error](listed.Err); ok && remote.Name == errInvalidArgs {
		return nil, fmt.Errorf("%w: %w", ErrNoSuchUnit, listed.Err)
	}
	if err = cmp.Or(listed.Err, err); err != nil {
		return nil, err
	}
	// Its fields are those of ListUnits, org.freedesktop.systemd1(5).
	list, _ := only(listed).([][]any)
	if len(list) != 1 || len(list[0]) < 8 {
		return nil, errAnswer
	}
	fields := list[0]
	properties["Id"], properties["LoadState"] = fields[0], fields[2]
	properties["ActiveState"], properties["SubState"] = fields[3], fields[4]
	properties["Job"] = fields[7:8]
	return properties, nil
}

func (l *link) running(ctx context.Context, name string) (map[string]any, error) {
	return l.get(ctx, name, "ActiveState", "InvocationID", "ActiveEnterTimestampMonotonic")
}

// get asks for properties that units of every type have.
func (l *link) get(ctx context.Context, name string, keys ...string) (map[string]any, error) {
	unit := l.unit(name)
	calls := make([]*dbus.Call, len(keys))
	for i, key := range keys {
		calls[i] = unit.GoWithContext(ctx, getProperty, 0, nil, unitInterface, key)
	}
	properties := make(map[string]any, 2*maxQuestions)
	var err error
	for i, call := range calls {
		<-call.Done
		value, ok := only(call).(dbus.Variant)
		switch {
		case call.Err != nil:
			err = cmp.Or(err, call.Err)
		case !ok:
			err = cmp.Or(err, errAnswer)
		default:
			properties[keys[i]] = value.Value()
		}
	}
	return properties, err
}

func (l *link) unit(name string) dbus.BusObject {
	return l.bus.Object(busName, unitPath+dbus.ObjectPath(sdbus.PathBusEscape(name)))
}

// only is the one value of an answer, or nothing.
func only(call *dbus.Call) any {
	if len(call.Body) != 1 {
		return nil
	}
	return call.Body[0]
}

var errAnswer = errors.New("systemd's answer has not the form that it should have")
