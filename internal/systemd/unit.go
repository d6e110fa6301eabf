package systemd

import (
	"encoding/hex"
	"math"
	"time"

	"golang.org/x/sys/unix"
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
	// ConditionUnmet says that the unit was not started, since one of its
	// conditions was not met (ConditionPathExists= and its like,
	// systemd.unit(5)), and ConditionAge how long ago that was found, at least.
	// Only Unit asks for them. A job whose start is left out for this is done.
	ConditionUnmet bool
	ConditionAge   time.Duration
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

// uptime is the kernel's clock that systemd's monotonic timestamps are of.
func uptime() (time.Duration, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return time.Duration(now.Nano()), err
}

// unitOf reads the properties of a unit, which was asked for them at this
// uptime. Those that are missing or of another type than expected leave the
// zero value, which is unknown.
func unitOf(name string, properties map[string]any, asked time.Duration) Unit {
	u := Unit{
		Name:         name,
		ID:           property[string](properties, "Id"),
		Names:        property[[]string](properties, "Names"),
		LoadState:    parseLoadState(property[string](properties, "LoadState")),
		ActiveState:  parseActiveState(property[string](properties, "ActiveState")),
		SubState:     property[string](properties, "SubState"),
		InvocationID: hex.EncodeToString(property[[]byte](properties, "InvocationID")),
		HasJob:       jobOf(properties["Job"]) != 0,
		ActiveSince:  realtime(property[uint64](properties, "ActiveEnterTimestamp")),
		CPU:          time.Duration(counted(properties, "CPUUsageNSec")), //nolint:gosec // counted fits
		Memory:       counted(properties, "MemoryCurrent"),
	}
	up := u.ActiveState == StateActive || u.ActiveState == StateReloading || u.ActiveState == StateRefreshing
	if since := counted(properties, "ActiveEnterTimestampMonotonic"); up && since > 0 && since <= math.MaxInt64/1000 {
		u.ActiveFor = max(0, asked-time.Duration(since)*time.Microsecond)
	}
	// Before the first look at its conditions, the result is false too.
	if met, known := properties["ConditionResult"].(bool); known && !met {
		if found := counted(properties, "ConditionTimestampMonotonic"); found > 0 && found <= math.MaxInt64/1000 {
			u.ConditionUnmet = true
			u.ConditionAge = max(0, asked-time.Duration(found)*time.Microsecond)
		}
	}
	if interval, known := properties["StartLimitIntervalUSec"].(uint64); known {
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

func property[T any](properties map[string]any, key string) T {
	value, _ := properties[key].(T)
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
func counted(properties map[string]any, key string) uint64 {
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
