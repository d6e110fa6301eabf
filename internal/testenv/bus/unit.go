package bus

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// Unit is a unit of the stand-in: what it says of itself, in systemd's own
// words, and how it behaves. Empty texts get the defaults of a loaded service
// that is running.
type Unit struct {
	Name    string
	Aliases []string

	LoadState, ActiveState, SubState string
	Type, Result                     string
	// InvocationID is hexadecimal. Each start makes a new one.
	InvocationID string
	// ActiveUptime is when it became active, in microseconds of the kernel's
	// CLOCK_MONOTONIC.
	ActiveUptime       uint64
	MainPID, NRestarts uint32
	// ActiveSince, CPU and Memory are shown as systemd shows them: as not
	// counted where they are zero.
	ActiveSince time.Time
	CPU         time.Duration
	Memory      uint64
	// Restart and KillMode are settings of a service.
	Restart, KillMode string
	// Transient holds the properties that StartTransientUnit gave.
	Transient map[string]any

	// JobResult is what the unit's jobs end with; empty is "done".
	JobResult string
	// Mute leaves requests for a job without an answer, as systemd does
	// while it waits for polkit.
	Mute bool
	// JobHangs keeps jobs from ending until FinishJob.
	JobHangs bool
	// JobSilent keeps back the signal that a job has ended.
	JobSilent bool
	// StartLimit is how many starts are allowed until ResetFailed; 0 is
	// any number.
	StartLimit int
	// Refuse is the name of the D-Bus error with which a request for a job
	// is answered; empty is none.
	Refuse string
	// KillsLost is how many requests to kill it nobody answers, as while
	// systemd executes itself anew.
	KillsLost int

	starts int
}

func (u Unit) withDefaults() Unit {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&u.LoadState, "loaded")
	if u.LoadState == "loaded" {
		fill(&u.ActiveState, "active")
	}
	fill(&u.ActiveState, "inactive")
	if u.ActiveState == "active" {
		fill(&u.SubState, "running")
		fill(&u.InvocationID, newInvocation())
		if u.ActiveUptime == 0 {
			u.ActiveUptime = uptime()
		}
		if u.MainPID == 0 {
			u.MainPID = firstPID
		}
	}
	fill(&u.SubState, "dead")
	fill(&u.Type, "simple")
	fill(&u.Result, "success")
	fill(&u.Restart, "no")
	fill(&u.KillMode, "control-group")
	return u
}

// startLimitInterval is DefaultStartLimitIntervalSec of systemd-system.conf(5),
// in microseconds.
const startLimitInterval = uint64(10e6)

// firstPID is above the highest process ID that Linux gives, so that no test
// signals a process by accident.
const firstPID = 1 << 22

func uptime() uint64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // every Linux has it
	return uint64(now.Nano() / 1000)                  //nolint:gosec // it is never negative
}

func newInvocation() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // It never fails (crypto/rand).
	return hex.EncodeToString(id)
}

// SetUnit puts a unit into place, with defaults for what is empty.
func (m *manager) SetUnit(u Unit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u = u.withDefaults()
	m.units[u.Name] = &u
}

// RemoveUnit makes a unit unknown.
func (m *manager) RemoveUnit(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.units, name)
}

// ChangeUnit changes a unit in place; it says whether there is one.
func (m *manager) ChangeUnit(name string, change func(*Unit)) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.find(name)
	if u != nil {
		change(u)
	}
	return u != nil
}

// UnitNow returns a unit as it is.
func (m *manager) UnitNow(name string) (Unit, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.find(name)
	if u == nil {
		return Unit{}, false
	}
	return *u, true
}

// UnitNames lists the units that there are, sorted.
func (m *manager) UnitNames() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.units))
}

// find returns the unit of a name or alias, or nil. The lock is held.
func (m *manager) find(name string) *Unit {
	if u := m.units[name]; u != nil {
		return u
	}
	for _, u := range m.units {
		if slices.Contains(u.Aliases, name) {
			return u
		}
	}
	return nil
}

// properties are those of the interface iface, or all where it is empty.
func (u *Unit) properties(iface string, job uint32) map[string]dbus.Variant {
	p := map[string]dbus.Variant{}
	if iface == "" || iface == unitInterface {
		invocation, _ := hex.DecodeString(u.InvocationID)
		p["Id"] = dbus.MakeVariant(u.Name)
		p["Names"] = dbus.MakeVariant(append([]string{u.Name}, u.Aliases...))
		p["LoadState"] = dbus.MakeVariant(u.LoadState)
		p["ActiveState"] = dbus.MakeVariant(u.ActiveState)
		p["SubState"] = dbus.MakeVariant(u.SubState)
		p["ActiveEnterTimestampMonotonic"] = dbus.MakeVariant(u.ActiveUptime)
		p["StartLimitIntervalUSec"] = dbus.MakeVariant(startLimitInterval)
		p["InvocationID"] = dbus.MakeVariant(invocation)
		p["ActiveEnterTimestamp"] = dbus.MakeVariant(uint64(max(0, u.ActiveSince.UnixMicro())))
		p["Job"] = dbus.MakeVariant(jobProperty{job, jobPath(job)})
	}
	if iface == "" || iface == serviceInterface {
		p["Type"] = dbus.MakeVariant(u.Type)
		p["Result"] = dbus.MakeVariant(u.Result)
		p["MainPID"] = dbus.MakeVariant(u.MainPID)
		p["NRestarts"] = dbus.MakeVariant(u.NRestarts)
		p["Restart"] = dbus.MakeVariant(u.Restart)
		p["KillMode"] = dbus.MakeVariant(u.KillMode)
		p["CPUUsageNSec"] = dbus.MakeVariant(countedOrNot(uint64(max(0, u.CPU))))
		p["MemoryCurrent"] = dbus.MakeVariant(countedOrNot(u.Memory))
	}
	return p
}

// countedOrNot is what systemd gives for a counter that it does not have.
func countedOrNot(n uint64) uint64 {
	if n == 0 {
		return math.MaxUint64
	}
	return n
}

// jobProperty is the property Job of a unit, (uo).
type jobProperty struct {
	ID   uint32
	Path dbus.ObjectPath
}

// nameOfPath undoes the escaping of a unit's name in its object path.
func nameOfPath(path dbus.ObjectPath) string {
	escaped := strings.TrimPrefix(string(path), unitPrefix)
	var name strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] == '_' && i+2 < len(escaped) {
			if c, err := hex.DecodeString(escaped[i+1 : i+3]); err == nil {
				name.Write(c)
				i += 2
				continue
			}
		}
		name.WriteByte(escaped[i])
	}
	return name.String()
}
