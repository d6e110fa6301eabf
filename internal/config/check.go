package config

import (
	"fmt"
	"slices"
	"strings"
)

// checkDatabase checks what the keys of [database] need of each other.
func (b *build) checkDatabase() {
	d := &b.Database
	useless := []string{"path"}
	needed := []string{"user", "database"}
	if d.Driver == DriverSQLite {
		needed = []string{"path"}
		useless = []string{
			"host", "port", "socket", "user", "password", "password_file", "database",
			"tls", "tls_ca", "tls_cert", "tls_key",
		}
	}
	if b.refused[originKey(sectionDatabase, "driver")] {
		return // which keys matter is not known
	}
	for _, key := range needed {
		if id := originKey(sectionDatabase, key); !b.given(sectionDatabase, key) && !b.refused[id] {
			b.mistakeAt(sectionDatabase, key, fmt.Sprintf("is missing: driver %s needs it", d.Driver))
		}
	}
	for _, key := range useless {
		if b.given(sectionDatabase, key) {
			b.warnAt(sectionDatabase, key, fmt.Sprintf("has no effect: the driver is %s", d.Driver))
		}
	}
	if d.Driver == DriverMySQL {
		b.checkTLS()
	}
}

func (b *build) checkTLS() {
	d := &b.Database
	if b.refused[originKey(sectionDatabase, "tls")] {
		return
	}
	if d.TLS == TLSOff {
		for _, key := range []string{"tls_ca", "tls_cert", "tls_key"} {
			if b.given(sectionDatabase, key) {
				b.warnAt(sectionDatabase, key, "has no effect: tls is off")
			}
		}
		return
	}
	pair := func(one, other string) {
		if b.given(sectionDatabase, one) && !b.given(sectionDatabase, other) && !b.refused[originKey(sectionDatabase, other)] {
			b.mistakeAt(sectionDatabase, one, "goes with "+other+", which is missing")
		}
	}
	pair("tls_cert", "tls_key")
	pair("tls_key", "tls_cert")
}

// checkMonitor warns of settings that are right and defeat each other.
func (b *build) checkMonitor() {
	m := b.Monitor
	if m.StableTime > 0 && m.StableTime <= m.CheckInterval {
		b.warnAt(sectionMonitor, "stable_time", fmt.Sprintf("is not longer than check_interval (%s): an alarm that comes back is seen too late to count as a failure",
			ShortDuration(m.CheckInterval)))
	}
}

// checkProcesses checks what each process gets, once everything is inherited.
func (b *build) checkProcesses() {
	b.compareUnits()
	b.checkPace()
	inherited := b.Monitor.Unconfigured == UnconfiguredDefault && b.checkCustom(b.fallback, defaultSection)
	for _, s := range b.doc.sections {
		p, ok := b.processes[strings.TrimPrefix(s.name, processPrefix)]
		if s.kind != sectionProcess || s.name == defaultSection || !ok || b.refused[originKey(s.name, "restart_strategy")] {
			continue
		}
		if !inherited || b.given(s.name, "restart_strategy") {
			b.checkCustom(p, s.name)
		}
		if SafeName(p.Name) {
			b.checkUnitOf(p, s)
		} else {
			b.checkUnsafe(p, s)
		}
		b.checkUseless(p, s)
		b.checkOwn(p, s)
	}
}

// checkOwn refuses a section that names the daemon's own unit, and warns of one
// that is about the daemon: neither is ever restarted, whatever the strategy.
func (b *build) checkOwn(p Process, s *section) {
	const why = "is this daemon's own unit, which it never restarts: systemd watches it"
	switch {
	case p.Unit == DaemonUnit:
		b.mistakeAt(s.name, "unit", shown(p.Unit)+" "+why)
	case withSuffix(p.Name) == DaemonUnit:
		b.warn(s.line, s.name, "", "has no effect: it "+why)
	}
}

// checkUnitOf refuses a section whose process would be restarted as a unit, and
// whose name makes no unit that is a service. Another kind of unit has to be
// spelled out.
func (b *build) checkUnitOf(p Process, s *section) {
	if p.Unit != "" || b.refused[originKey(s.name, "unit")] {
		return
	}
	var problem string
	_, err := unit().read(p.Name)
	switch isUnit := p.Strategy == StrategyService || p.Strategy == StrategyAuto; {
	case isUnit && unitSuffix.MatchString(p.Name) && !strings.HasSuffix(p.Name, ".service"):
		problem = fmt.Sprintf("is missing: %s is the name of a unit that is no service, and such a unit must be spelled out; "+
			"if it is no unit, set restart_strategy = process", shown(p.Name))
	case p.Strategy == StrategyService && err != nil:
		problem = fmt.Sprintf("is missing: %s %s", shown(p.Name), err)
	default:
		return
	}
	b.mistake(Mistake{File: b.doc.file, Line: s.line, Section: s.name, Key: "unit", Problem: problem})
}

// compareUnits warns of a unit that two sections name: each of them restarts
// it without knowing of the other.
func (b *build) compareUnits() {
	first := make(map[string]string)
	for _, name := range b.names {
		unit := b.processes[name].Unit
		if unit == "" {
			continue
		}
		if other, ok := first[unit]; ok {
			b.warnAt(processPrefix+name, "unit", fmt.Sprintf("%s names the same unit: alarms of both restart it", bracketed(processPrefix+other)))
			continue
		}
		first[unit] = name
	}
}

// checkCustom reports whether it found a mistake.
func (b *build) checkCustom(p Process, section string) bool {
	if p.Strategy != StrategyCustom || p.RestartCommand != "" ||
		b.refused[originKey(section, "restart_command")] || b.refused[originKey(defaultSection, "restart_command")] {
		return false
	}
	b.mistakeAt(section, "restart_command", "is missing: restart_strategy custom needs it")
	return true
}

// checkUnsafe sees to it that nothing is made of a name that must not become
// part of a command or of a unit's name.
func (b *build) checkUnsafe(p Process, s *section) {
	refuse := func(key, problem string) {
		line := b.origins[originKey(s.name, key)].Line
		if line == 0 {
			line = s.line
		}
		b.mistake(Mistake{File: b.doc.file, Line: line, Section: s.name, Key: key, Problem: problem})
	}
	missing := func(key, value string) bool { return value == "" && !b.refused[originKey(s.name, key)] }
	because := fmt.Sprintf(": the name of this process must not become part of a command or of a unit's name "+
		"(letters, digits and _ . @ : + -, neither - nor . first, at most %d)", MaxNameLength)
	switch noUnit, noCommand := missing("unit", p.Unit), missing("start_command", p.StartCommand); p.Strategy {
	case StrategyService:
		if noUnit {
			refuse("unit", "is missing"+because)
		}
	case StrategyProcess:
		if noCommand {
			refuse("start_command", "is missing"+because)
		}
	case StrategyAuto:
		if noUnit && noCommand {
			refuse("unit", "is missing, and so is start_command"+because)
		}
	case StrategyCustom, StrategyUnknown:
	}
	for _, c := range p.commands() {
		if strings.Contains(c.line, "%s") {
			refuse(c.key, "has %s in it, here or in [process.default]"+because+"; write the command out in this section")
		}
	}
}

type commandLine struct{ key, line string }

// commands lists the commands that the process's strategy uses.
func (p Process) commands() []commandLine {
	all := []commandLine{
		{"start_command", p.StartCommand},
		{"restart_command", p.RestartCommand},
		{"pre_restart_command", p.PreRestartCommand},
		{"health_check_command", p.HealthCheckCommand},
	}
	return slices.DeleteFunc(all, func(c commandLine) bool { return !p.Strategy.uses(c.key) })
}

// uses says whether a key of a process has an effect under the strategy.
func (s Strategy) uses(key string) bool {
	switch key {
	case "start_command", "run_as", "working_directory", "stop_timeout":
		return s == StrategyProcess || s == StrategyAuto
	case "restart_command":
		return s == StrategyCustom
	case "unit":
		return s != StrategyProcess
	}
	return true
}

// checkUseless warns of what a section says in vain.
func (b *build) checkUseless(p Process, s *section) {
	for _, e := range s.entries {
		if e.value != "" && !p.Strategy.uses(e.key.Name) {
			b.warn(e.line, s.name, e.key.Name, fmt.Sprintf("has no effect: restart_strategy is %s", p.Strategy))
		}
	}
}
