package bus

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// The names that systemd has on the bus.
const (
	busName          = "org.freedesktop.systemd1"
	managerPath      = "/org/freedesktop/systemd1"
	unitPrefix       = managerPath + "/unit/"
	jobPrefix        = managerPath + "/job/"
	managerInterface = busName + ".Manager"
	unitInterface    = busName + ".Unit"
	serviceInterface = busName + ".Service"
	properties       = "org.freedesktop.DBus.Properties"

	errNoSuchUnit    = busName + ".NoSuchUnit"
	errMasked        = busName + ".UnitMasked"
	errUnitExists    = busName + ".UnitExists"
	errInvalidArgs   = "org.freedesktop.DBus.Error.InvalidArgs"
	errUnknownObject = "org.freedesktop.DBus.Error.UnknownObject"
	errNoReply       = "org.freedesktop.DBus.Error.NoReply"
	errUnknownProp   = "org.freedesktop.DBus.Error.UnknownProperty"
)

const (
	verbStart   = "start"
	verbStop    = "stop"
	verbRestart = "restart"
)

// manager is the stand-in: the units, their jobs and the record of calls.
type manager struct {
	mu      sync.Mutex
	conn    *dbus.Conn
	units   map[string]*Unit
	jobs    map[string]*job // By the unit's name.
	lastJob uint32
	lastPID uint32
	calls   []Call
	// called is closed and renewed at each call.
	called chan struct{}

	running sync.WaitGroup // The goroutines of jobs.
	ended   bool           // No more of them.
	stopped chan struct{}  // Ends them.
}

func (m *manager) reset() {
	m.units = map[string]*Unit{}
	m.jobs = map[string]*job{}
	m.called = make(chan struct{})
	m.stopped = make(chan struct{})
}

// connect puts the stand-in onto a connection.
func (m *manager) connect(conn *dbus.Conn) error {
	err := conn.ExportMethodTable(map[string]any{
		"Subscribe":          m.subscribe,
		"Unsubscribe":        m.subscribe,
		"GetUnit":            m.getUnit,
		"LoadUnit":           m.loadUnit,
		"ListUnitsByNames":   m.listUnitsByNames,
		"StartUnit":          m.jobMethod("StartUnit", verbStart),
		"StopUnit":           m.jobMethod("StopUnit", verbStop),
		"RestartUnit":        m.jobMethod("RestartUnit", verbRestart),
		"ResetFailedUnit":    m.resetFailedUnit,
		"KillUnit":           m.killUnit,
		"StartTransientUnit": m.startTransientUnit,
	}, managerPath, managerInterface)
	if err != nil {
		return err
	}
	err = conn.ExportSubtreeMethodTable(map[string]any{
		"Get": m.get, "GetAll": m.getAll,
	}, dbus.ObjectPath(strings.TrimSuffix(unitPrefix, "/")), properties)
	if err != nil {
		return err
	}
	reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	if err != nil {
		return err
	}
	if reply != dbus.RequestNameReplyPrimaryOwner {
		return fmt.Errorf("the name %s is taken", busName)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn = conn
	return nil
}

func (m *manager) disconnect() {
	m.mu.Lock()
	conn := m.conn
	m.conn = nil
	m.mu.Unlock()
	if conn != nil {
		_ = conn.Close() // The other end is gone.
	}
}

func (m *manager) subscribe() *dbus.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record(Call{Method: "Subscribe"})
	return nil
}

func (m *manager) getUnit(name string) (dbus.ObjectPath, *dbus.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record(Call{Method: "GetUnit", Unit: name})
	if m.find(name) == nil {
		return "", noSuchUnit(name)
	}
	return unitPath(name), nil
}

func (m *manager) loadUnit(name string) (dbus.ObjectPath, *dbus.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record(Call{Method: "LoadUnit", Unit: name})
	if !couldBeUnit(name) {
		return "", dbus.NewError(errInvalidArgs, []any{"Unit name " + name + " is not valid."})
	}
	return unitPath(name), nil
}

// listed is an element of a(ssssssouso).
type listed struct {
	ID, Description, LoadState, ActiveState, SubState, Following string

	Path    dbus.ObjectPath
	Job     uint32
	JobType string
	JobPath dbus.ObjectPath
}

func (m *manager) listUnitsByNames(names []string) ([]listed, *dbus.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []listed
	for _, name := range names {
		m.record(Call{Method: "ListUnitsByNames", Unit: name})
		all, err := m.propertiesOf(name, unitInterface)
		if err != nil {
			return nil, dbus.NewError(errInvalidArgs, []any{"Unit name " + name + " is not valid."})
		}
		l := listed{Path: unitPath(name), JobPath: "/"}
		for key, value := range map[string]*string{
			"Id": &l.ID, "LoadState": &l.LoadState, "ActiveState": &l.ActiveState, "SubState": &l.SubState,
		} {
			*value, _ = all[key].Value().(string)
		}
		if u := m.find(name); u != nil && m.jobs[u.Name] != nil {
			l.Job, l.JobType = m.jobs[u.Name].id, m.jobs[u.Name].verb
			l.JobPath = jobPath(l.Job)
		}
		list = append(list, l)
	}
	return list, nil
}

// jobMethod makes the method that asks for one kind of job.
func (m *manager) jobMethod(method, verb string) func(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	return func(name, mode string) (dbus.ObjectPath, *dbus.Error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.record(Call{Method: method, Unit: name, Mode: mode})
		u := m.find(name)
		switch {
		case u == nil || u.LoadState == "not-found":
			return "", noSuchUnit(name)
		case u.Mute:
			m.mu.Unlock()
			<-m.stopped
			m.mu.Lock()
			return "", dbus.MakeFailedError(errors.New("the test is over"))
		case u.Refuse != "":
			return "", dbus.NewError(u.Refuse, []any{"Refused."})
		case u.LoadState == "masked" && verb != verbStop:
			return "", dbus.NewError(errMasked, []any{"Unit " + name + " is masked."})
		}
		return m.startJob(u, verb), nil
	}
}

func (m *manager) resetFailedUnit(name string) *dbus.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record(Call{Method: "ResetFailedUnit", Unit: name})
	u := m.find(name)
	if u == nil {
		return noSuchUnit(name)
	}
	u.starts = 0
	if u.ActiveState == "failed" {
		u.ActiveState, u.SubState, u.Result = "inactive", "dead", "success"
	}
	return nil
}

// killUnit ends the unit's job, as the death of a command ends its unit.
func (m *manager) killUnit(name, _ string, _ int32) *dbus.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record(Call{Method: "KillUnit", Unit: name})
	u := m.find(name)
	if u == nil {
		return noSuchUnit(name)
	}
	if u.KillsLost > 0 {
		u.KillsLost--
		return dbus.NewError(errNoReply, []any{"Message recipient disconnected from message bus without replying"})
	}
	if j := m.jobs[u.Name]; j != nil {
		select {
		case j.finish <- "failed":
		default: // It is ending already.
		}
	}
	return nil
}

// property is an element of a(sv).
type property struct {
	Name  string
	Value dbus.Variant
}

// auxiliary is an element of a(sa(sv)).
type auxiliary struct {
	Name       string
	Properties []property
}

func (m *manager) startTransientUnit(name, mode string, list []property, _ []auxiliary) (dbus.ObjectPath, *dbus.Error) {
	given := make(map[string]any, len(list))
	for _, p := range list {
		given[p.Name] = p.Value.Value()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record(Call{Method: "StartTransientUnit", Unit: name, Mode: mode, Properties: given})
	old := m.find(name)
	if old != nil && old.LoadState != "not-found" {
		return "", dbus.NewError(errUnitExists, []any{"Unit " + name + " already exists."})
	}
	if !couldBeUnit(name) {
		return "", dbus.NewError(errInvalidArgs, []any{"Invalid unit name"})
	}
	u := Unit{Name: name, ActiveState: "inactive"}.withDefaults()
	if old != nil {
		// A test may lay down beforehand how the unit will behave.
		u.JobResult, u.JobHangs, u.JobSilent, u.KillsLost = old.JobResult, old.JobHangs, old.JobSilent, old.KillsLost
	}
	u.Transient = given
	m.units[name] = &u
	return m.startJob(&u, verbStart), nil
}

func (m *manager) getAll(message dbus.Message, iface string) (map[string]dbus.Variant, *dbus.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := nameOfPath(pathOf(message))
	m.record(Call{Method: "GetAll", Unit: name, Interface: iface})
	return m.propertiesOf(name, iface)
}

func (m *manager) get(message dbus.Message, iface, key string) (dbus.Variant, *dbus.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := nameOfPath(pathOf(message))
	m.record(Call{Method: "Get", Unit: name})
	all, err := m.propertiesOf(name, iface)
	if err != nil {
		return dbus.Variant{}, err
	}
	value, known := all[key]
	if !known {
		return dbus.Variant{}, dbus.NewError(errUnknownProp, []any{"Unknown property."})
	}
	return value, nil
}

// propertiesOf answers for any name that a unit could have, as systemd does,
// which loads a unit when it is looked at. The lock is held.
func (m *manager) propertiesOf(name, iface string) (map[string]dbus.Variant, *dbus.Error) {
	u := m.find(name)
	if u == nil {
		if !couldBeUnit(name) {
			return nil, dbus.NewError(errUnknownObject, []any{"Unknown object."})
		}
		u = &Unit{Name: name, LoadState: "not-found", ActiveState: "inactive", SubState: "dead"}
	}
	var id uint32
	if j := m.jobs[u.Name]; j != nil {
		id = j.id
	}
	return u.properties(iface, id), nil
}

func pathOf(message dbus.Message) dbus.ObjectPath {
	path, _ := message.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	return path
}

func unitPath(name string) dbus.ObjectPath {
	return dbus.ObjectPath(unitPrefix + sdbus.PathBusEscape(name))
}

// couldBeUnit goes by the suffix alone.
func couldBeUnit(name string) bool {
	for _, suffix := range []string{".service", ".socket", ".target", ".mount", ".scope", ".slice", ".timer", ".path"} {
		if strings.HasSuffix(name, suffix) && name != suffix {
			return true
		}
	}
	return false
}

func noSuchUnit(name string) *dbus.Error {
	return dbus.NewError(errNoSuchUnit, []any{"Unit " + name + " not found."})
}
