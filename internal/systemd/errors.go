package systemd

import (
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// What an error of a Client wraps, where a caller may want to act on it.
var (
	// ErrUnavailable: systemd cannot be reached over the bus, or the
	// connection was lost before the answer came. Nothing is known about
	// the unit.
	ErrUnavailable = errors.New("systemd cannot be reached over D-Bus")
	// ErrNoSuchUnit: systemd does not know the unit.
	ErrNoSuchUnit = errors.New("no such unit")
	// ErrMasked: the unit is masked.
	ErrMasked = errors.New("the unit is masked")
	// ErrUnitExists: a transient unit cannot be started because there is a
	// unit of its name.
	ErrUnitExists = errors.New("the unit exists already")
	// ErrDenied: bus policy or polkit does not allow it to this user.
	ErrDenied = errors.New("permission denied")
	// ErrUnitName: the text cannot be the name of a unit.
	ErrUnitName = errors.New("not a valid unit name")
	// ErrClosed: the Client was closed.
	ErrClosed = errors.New("the systemd client is closed")
)

// resultDone is the one job result that is a success (the others stand in
// org.freedesktop.systemd1(5), JobRemoved).
const resultDone = "done"

// JobError says that systemd ran a job and that it did not succeed.
type JobError struct {
	// Op is "restart", "start" or "stop".
	Op string
	// Unit is the unit's name as it was asked for.
	Unit string
	// Result is what systemd said of the job, such as "failed", "timeout",
	// "dependency" or "canceled"; empty where the job ended and its result
	// was never heard.
	Result string
}

func (e *JobError) Error() string {
	if e.Result == "" {
		return fmt.Sprintf("cannot %s unit %q: the job ended and its result is not known", e.Op, e.Unit)
	}
	return fmt.Sprintf("cannot %s unit %q: job result is %q", e.Op, e.Unit, e.Result)
}

// remoteError gives an error that came over the bus the meaning that callers
// act on. It goes by the error's D-Bus name, never by its text.
func remoteError(err error) error {
	var remote dbus.Error
	if !errors.As(err, &remote) {
		return err
	}
	if kind := errorKind(remote.Name); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func errorKind(name string) error {
	switch name {
	case "org.freedesktop.systemd1.NoSuchUnit",
		// The answer for the object path of a name that can be no unit.
		"org.freedesktop.DBus.Error.UnknownObject":
		return ErrNoSuchUnit
	case "org.freedesktop.systemd1.UnitMasked":
		return ErrMasked
	case "org.freedesktop.systemd1.UnitExists":
		return ErrUnitExists
	case "org.freedesktop.DBus.Error.AccessDenied",
		"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired":
		return ErrDenied
	case "org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.NoReply",
		"org.freedesktop.DBus.Error.Disconnected":
		return ErrUnavailable
	}
	return nil
}
