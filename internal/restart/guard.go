package restart

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

const serviceSuffix = ".service"

// unitName is the unit that the process's section names, or that its name
// makes; empty where the name may not become one.
func unitName(p config.Process) string {
	switch {
	case p.Unit != "":
		return systemd.ServiceName(p.Unit)
	case config.SafeName(p.Name):
		return systemd.ServiceName(p.Name)
	}
	return ""
}

func isTemplate(unit string) bool {
	dot := strings.LastIndexByte(unit, '.')
	return dot > 0 && unit[dot-1] == '@'
}

func instance(template string) string {
	dot := strings.LastIndexByte(template, '.')
	return template[:dot] + "INSTANCE" + template[dot:]
}

// checkName refuses a process for its name alone. A name without a section of
// its own is the database's, and counts for nothing more than that.
func (r *Restarter) checkName(p config.Process) error {
	if err := checkType(p); err != nil {
		return err
	}
	if err := checkSpelledOut(p); err != nil {
		return err
	}
	// Also where there is no such unit: the process of that name is this
	// daemon's, or one just like it.
	names := []string{systemd.ServiceName(p.Name)}
	if p.Unit != "" {
		names = append(names, systemd.ServiceName(p.Unit))
	}
	return r.checkNames(p, names)
}

// checkType refuses a name that would be a unit of another type than service,
// or a template without its instance, whatever the strategy: a shared
// restart_command such as "systemctl restart %s" would act on it all the same.
// A section makes it the operator's choice for the strategies that name no
// unit.
func checkType(p config.Process) error {
	if p.Configured && (p.Strategy == config.StrategyProcess || p.Strategy == config.StrategyCustom) {
		return nil
	}
	if name := unitName(p); isTemplate(name) {
		return refuse(recovery.ReasonBadUnit,
			"unit %q is a template: name an instance of it, such as %q", name, instance(name))
	}
	if p.Unit != "" || strings.HasSuffix(systemd.ServiceName(p.Name), serviceSuffix) {
		return nil
	}
	return refuse(recovery.ReasonNotAService,
		"%s names a unit that is no service: it is restarted only where unit in its own section says so", command.Quote(p.Name))
}

// checkSpelledOut refuses a name that may not become part of a command or of a
// unit's name, unless its own section leaves no place for it.
func checkSpelledOut(p config.Process) error {
	if config.SafeName(p.Name) {
		return nil
	}
	missing := ""
	switch {
	case !p.Configured:
		missing = "it has no section of its own"
	case command.UsesName(p.PreRestartCommand):
		missing = "pre_restart_command has a %s"
	case command.UsesName(p.HealthCheckCommand):
		missing = "health_check_command has a %s"
	case p.Strategy == config.StrategyService && p.Unit == "":
		missing = "its section has no unit"
	case p.Strategy == config.StrategyCustom && command.UsesName(p.RestartCommand):
		missing = "restart_command has a %s"
	case p.Strategy == config.StrategyProcess, p.Strategy == config.StrategyAuto:
		if p.Strategy == config.StrategyAuto && p.Unit != "" && p.StartCommand == "" {
			break // resolveProcess refuses where the unit is not known.
		}
		if p.StartCommand == "" {
			missing = "its section has no start_command"
		} else if command.UsesName(p.StartCommand) {
			missing = "start_command has a %s"
		}
	}
	if missing == "" {
		return nil
	}
	return refuse(recovery.ReasonUnsafeName,
		"the process name %s may not become part of a command or of a unit's name, and %s",
		command.Quote(p.Name), missing)
}

// checkUnit refuses a unit for what it really is: the name that was asked for
// may be an alias.
func (r *Restarter) checkUnit(p config.Process, u systemd.Unit) error {
	return r.checkNames(p, append([]string{u.Name, u.ID}, u.Names...))
}

// checkNames refuses the daemon's own unit, also where this daemon runs under
// another name or by hand, and one that is protected.
func (r *Restarter) checkNames(p config.Process, names []string) error {
	for _, name := range names {
		if name != "" && (name == r.ownUnit || name == config.DaemonUnit) {
			return refuse(recovery.ReasonOwnUnit, "%s is this daemon's own unit %q, which it never restarts",
				command.Quote(p.Name), name)
		}
	}
	return r.checkProtected(p, names)
}

func (r *Restarter) checkProtected(p config.Process, names []string) error {
	if p.Configured {
		return nil
	}
	for _, name := range names {
		if pattern := r.protectedBy(name); pattern != "" {
			return refuse(recovery.ReasonProtected,
				"unit %q is protected by %q in protected_units: give %s a section of its own if it shall be restarted",
				name, pattern, command.Quote(p.Name))
		}
	}
	return nil
}

// protectedBy returns the pattern that protects a unit, or nothing.
func (r *Restarter) protectedBy(unit string) string {
	for _, pattern := range *r.protected.Load() {
		// A pattern that is wrong was refused when it was read.
		if ok, _ := path.Match(pattern, unit); ok {
			return pattern
		}
	}
	return ""
}

// checkGroups refuses to end processes of a protected unit that go by another
// name than the unit does, such as dbus-daemon of dbus.service.
func (r *Restarter) checkGroups(p config.Process) error {
	if p.Configured {
		return nil
	}
	procs, err := r.table.Find(p.Name)
	if err != nil {
		return err
	}
	for _, proc := range procs {
		parts, err := r.table.Groups(proc)
		if err != nil {
			return fmt.Errorf("cannot find the unit of process %s: %w", proc, err)
		}
		if err := r.checkProtected(p, parts); err != nil {
			return err
		}
	}
	return nil
}

// hostCommand says whether the bare name is a command that ends the host's
// work. The default start_command is the process's name, so that a row in the
// database would be enough to run it.
func hostCommand(name string) bool {
	return slices.Contains([]string{
		"halt", "poweroff", "reboot", "shutdown", "init", "telinit", "kexec", "systemctl", "systemd",
	}, name)
}

// plain makes a name that is not trusted fit for a message.
func plain(name string) string {
	quoted := command.Quote(name)
	end := strings.LastIndexByte(quoted, '"') // an ellipsis may follow it
	return quoted[1:end] + quoted[end+1:]
}
