package systemd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// The names that systemd and its units have on the bus.
const (
	busName       = "org.freedesktop.systemd1"
	unitPath      = "/org/freedesktop/systemd1/unit/"
	unitInterface = "org.freedesktop.systemd1.Unit"
	// allInterfaces are those of the unit's type as well.
	allInterfaces = ""
)

// LoadState says whether systemd could load a unit's definition.
type LoadState int

// The load states of a unit (org.freedesktop.systemd1(5)).
const (
	LoadUnknown LoadState = iota
	LoadStub
	LoadLoaded
	LoadNotFound
	LoadBadSetting
	LoadError
	LoadMerged
	LoadMasked
	numLoadStates
)

var loadStateNames = [numLoadStates]string{
	"unknown", "stub", "loaded", "not-found", "bad-setting", "error", "merged", "masked",
}

func (s LoadState) String() string {
	if s < 0 || s >= numLoadStates {
		s = LoadUnknown
	}
	return loadStateNames[s]
}

func parseLoadState(text string) LoadState {
	for s := range numLoadStates {
		if loadStateNames[s] == text {
			return s
		}
	}
	return LoadUnknown
}

// ActiveState says whether a unit is started.
type ActiveState int

// The active states of a unit (org.freedesktop.systemd1(5)).
const (
	StateUnknown ActiveState = iota
	StateActive
	StateReloading
	StateInactive
	StateFailed
	StateActivating
	StateDeactivating
	StateMaintenance
	StateRefreshing
	numActiveStates
)

var activeStateNames = [numActiveStates]string{
	"unknown", "active", "reloading", "inactive", "failed", "activating",
	"deactivating", "maintenance", "refreshing",
}

func (s ActiveState) String() string {
	if s < 0 || s >= numActiveStates {
		s = StateUnknown
	}
	return activeStateNames[s]
}

func parseActiveState(text string) ActiveState {
	for s := range numActiveStates {
		if activeStateNames[s] == text {
			return s
		}
	}
	return StateUnknown
}

// Unit is what systemd says about a unit at one moment.
type Unit struct {
	// Name is the name that was asked for, ID the unit's canonical name
	// and Names all of its names.
	Name  string
	ID    string
	Names []string

	LoadState   LoadState
	ActiveState ActiveState
	// SubState refines ActiveState in words of the unit's type, such as
	// "running" or "auto-restart".
	SubState string
	// InvocationID changes each time that the unit is started; hexadecimal,
	// empty for a unit that was never started.
	InvocationID string
	// ActiveFor is how long the unit has been active without a break, as far as
	// is known for certain; 0 where it is not active.
	ActiveFor time.Duration
	// StartsForgotten says for certain that no start of late counts against the
	// unit's start limit (StartLimitIntervalSec, systemd.unit(5)): it has none,
	// or has been active for longer than its interval.
	StartsForgotten bool
	// HasJob says that a job for the unit is queued or running.
	HasJob bool
	// ActiveSince is when the unit became active last, zero where it never
	// was.
	ActiveSince time.Time
	// CPU is the processor time that the unit's processes have used since
	// it was started, and Memory what they use now, in bytes. Each is 0
	// where systemd does not account for it (systemd.resource-control(5)).
	CPU    time.Duration
	Memory uint64

	// What follows is set for services only. Result says how the last run
	// ended, such as "success", "exit-code" or "start-limit-hit".
	Type      string
	Result    string
	MainPID   int
	NRestarts int
	// Restart and KillMode are the settings of systemd.service(5) and
	// systemd.kill(5), in its words: "no" is a service that is not started
	// again by itself, "process" one whose other processes outlive it.
	Restart  string
	KillMode string
}

// Unit asks systemd about a unit, in one round trip. A unit that systemd does
// not know is no error but has LoadNotFound.
func (c *Client) Unit(ctx context.Context, name string) (Unit, error) {
	return c.look(ctx, name, allInterfaces)
}

// State is Unit without what is set for services only: the state that a unit
// of any type has. It costs systemd a tenth of Unit, for which systemd reads
// the counters of the unit's control group.
func (c *Client) State(ctx context.Context, name string) (Unit, error) {
	return c.look(ctx, name, unitInterface)
}

func (c *Client) look(ctx context.Context, name, of string) (Unit, error) {
	missing := Unit{Name: name, LoadState: LoadNotFound, ActiveState: StateInactive}
	if !validName(name) {
		return missing, nil
	}
	var properties map[string]dbus.Variant
	asked, err := uptime()
	if err != nil {
		return Unit{}, fmt.Errorf("cannot look at unit %q: %w", name, err)
	}
	err = c.call(ctx, func(ctx context.Context, l *link) (err error) {
		properties, err = l.properties(ctx, name, of)
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

// properties are those of a unit that one of its interfaces has, or all of them.
// The library's own way to ask copies each twice, with reflection, which is what
// a recovery would spend the most time with.
func (l *link) properties(ctx context.Context, name, of string) (map[string]dbus.Variant, error) {
	unit := l.bus.Object(busName, unitPath+dbus.ObjectPath(sdbus.PathBusEscape(name)))
	call := unit.CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", 0, of)
	if call.Err != nil {
		return nil, call.Err
	}
	if len(call.Body) == 1 {
		if properties, ok := call.Body[0].(map[string]dbus.Variant); ok {
			return properties, nil
		}
	}
	return nil, errNotProperties
}

var errNotProperties = errors.New("the answer is no list of properties")

// uptime is the kernel's clock that systemd's monotonic timestamps are of.
func uptime() (time.Duration, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return time.Duration(now.Nano()), err
}

// unitOf reads the properties of a unit, which was asked for them at this
// uptime. Those that are missing or of another type than expected leave the
// zero value, which is unknown.
func unitOf(name string, properties map[string]dbus.Variant, asked time.Duration) Unit {
	u := Unit{
		Name:         name,
		ID:           property[string](properties, "Id"),
		Names:        property[[]string](properties, "Names"),
		LoadState:    parseLoadState(property[string](properties, "LoadState")),
		ActiveState:  parseActiveState(property[string](properties, "ActiveState")),
		SubState:     property[string](properties, "SubState"),
		InvocationID: hex.EncodeToString(property[[]byte](properties, "InvocationID")),
		HasJob:       jobOf(properties["Job"].Value()) != 0,
		ActiveSince:  realtime(property[uint64](properties, "ActiveEnterTimestamp")),
		CPU:          time.Duration(counted(properties, "CPUUsageNSec")), //nolint:gosec // counted fits
		Memory:       counted(properties, "MemoryCurrent"),
	}
	up := u.ActiveState == StateActive || u.ActiveState == StateReloading || u.ActiveState == StateRefreshing
	if since := counted(properties, "ActiveEnterTimestampMonotonic"); up && since > 0 && since <= math.MaxInt64/1000 {
		u.ActiveFor = max(0, asked-time.Duration(since)*time.Microsecond)
	}
	if interval, known := properties["StartLimitIntervalUSec"].Value().(uint64); known {
		u.StartsForgotten = interval == 0 || uint64(u.ActiveFor.Microseconds()) > interval //nolint:gosec // it is never negative
	}
	if unitType(name) == "service" {
		u.Type = property[string](properties, "Type")
		u.Result = property[string](properties, "Result")
		u.MainPID = int(property[uint32](properties, "MainPID"))
		u.NRestarts = int(property[uint32](properties, "NRestarts"))
		u.Restart = property[string](properties, "Restart")
		u.KillMode = property[string](properties, "KillMode")
	}
	return u
}

func property[T any](properties map[string]dbus.Variant, key string) T {
	value, _ := properties[key].Value().(T)
	return value
}

// jobOf reads the property Job of a unit, a pair of the job's number and its
// object path; 0 is no job.
func jobOf(value any) uint32 {
	pair, _ := value.([]any)
	if len(pair) == 0 {
		return 0
	}
	id, _ := pair[0].(uint32)
	return id
}

// counted reads a counter of the accounting. The highest number, which systemd
// gives where it does not count, and what no counter can have reached are 0.
func counted(properties map[string]dbus.Variant, key string) uint64 {
	if n := property[uint64](properties, key); n <= math.MaxInt64 {
		return n
	}
	return 0
}

// realtime reads a time in microseconds of the epoch; 0 is never.
func realtime(usec uint64) time.Time {
	if usec == 0 || usec > math.MaxInt64 {
		return time.Time{}
	}
	return time.UnixMicro(int64(usec))
}
