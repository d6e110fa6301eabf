package restart

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// owner is who would start a process again that is ended: the unit of another
// name that it lives in. A process that this daemon started, or that is left
// of a login, has none.
type owner struct {
	unit string
	// service says that it is a service of the systemd that this daemon
	// talks to. Other owners, a user's own systemd or a container engine,
	// cannot be asked, and restart what they please.
	service bool
}

// ownerOf reads a control group, such as system.slice/nginx.service.
func (r *Restarter) ownerOf(group []string) owner {
	unit, below := unitOfGroup(group)
	switch {
	case unit == "", unit == r.ownUnit, isLoose(unit),
		strings.HasPrefix(unit, processPrefix), strings.HasPrefix(unit, customPrefix):
		return owner{}
	case strings.HasPrefix(unit, "user@") && systemd.IsService(unit):
		// Below it are the units of the user's own systemd (user@.service(5)).
		if inner, _ := unitOfGroup(below); isLoose(inner) {
			return owner{}
		} else if inner != "" {
			unit += "/" + inner
		}
		return owner{unit: unit}
	}
	return owner{unit: unit, service: systemd.IsService(unit)}
}

// unitOfGroup returns the first part of a control group that is no slice, if
// it is a service or a scope, and what is below it. Further parts are the
// unit's own affair.
func unitOfGroup(group []string) (unit string, below []string) {
	for i, part := range group {
		if strings.HasSuffix(part, ".slice") {
			continue
		}
		// systemd puts a "_" before a name that the kernel also uses.
		part = strings.TrimPrefix(part, "_")
		if systemd.IsService(part) || strings.HasSuffix(part, ".scope") {
			return part, group[i+1:]
		}
		return "", nil
	}
	return "", nil
}

// isLoose says whether the unit is a scope of what somebody started by hand and
// nobody watches: of a login (pam_systemd(8)), of systemd-run --scope, of a
// terminal or a desktop. Any other scope is taken for that of a container or a
// machine, whose engine may start it again.
func isLoose(unit string) bool {
	if !strings.HasSuffix(unit, ".scope") {
		return false
	}
	for _, prefix := range []string{"session-", "run-", "tmux-spawn-", "vte-spawn-", "app-"} {
		if strings.HasPrefix(unit, prefix) {
			return true
		}
	}
	return false
}

// owned are the running processes of a name, and who owns them.
type owned struct {
	procs []proctable.Process
	// owners are different ones. One of them is empty where a process has
	// none.
	owners []owner
}

func (r *Restarter) owned(name string) (owned, error) {
	var found owned
	procs, err := r.table.Find(name)
	if err != nil || len(procs) == 0 {
		return found, err
	}
	// In a container that shows it, the groups begin at the outer host.
	root, err := r.table.Groups(proctable.Process{PID: 1})
	if err != nil {
		return found, fmt.Errorf("cannot find the unit of process 1: %w", err)
	}
	if n := len(root); n > 0 && root[n-1] == "init.scope" {
		root = root[:n-1]
	}
	for _, proc := range procs {
		group, err := r.table.Groups(proc)
		if err != nil {
			return found, fmt.Errorf("cannot find the unit of process %s: %w", proc, err)
		}
		if len(group) == 0 {
			// It may have ended just now, which says nothing of the others.
			if alive, err := r.table.Alive(proc); err != nil {
				return found, err
			} else if !alive {
				continue
			}
		}
		if len(root) > 0 && len(group) > len(root) && slices.Equal(group[:len(root)], root) {
			group = group[len(root):]
		}
		found.procs = append(found.procs, proc)
		if o := r.ownerOf(group); !slices.Contains(found.owners, o) {
			found.owners = append(found.owners, o)
		}
	}
	return found, nil
}

// resolveRunning finds the target by the processes that run, where no unit has
// the process's name: mysqld may well be that of mariadb.service. If one
// service has them all and is there for them, it is what to restart. A bare
// process would be the second one as soon as systemd starts the unit again.
func (r *Restarter) resolveRunning(ctx context.Context, p config.Process) (recovery.Target, error) {
	found, err := r.owned(p.Name)
	if err != nil {
		return recovery.Target{}, err
	}
	none := func(o owner) bool { return o.unit == "" }
	if !slices.ContainsFunc(found.owners, func(o owner) bool { return !none(o) }) {
		return r.resolveUnitless(ctx, p, len(found.procs) > 0)
	}
	if len(found.owners) > 1 || !found.owners[0].service {
		return recovery.Target{}, foreign(p, "runs "+places(found.owners))
	}
	name := found.owners[0].unit
	u, err := r.lookUp(ctx, p, name, r.units.Unit)
	switch {
	case err != nil:
		return recovery.Target{}, err
	case u.LoadState == systemd.LoadNotFound && (name == unitName(p) || name == r.known.unit(p.Name)):
		return recovery.Target{}, gone(p, name)
	case u.LoadState == systemd.LoadNotFound:
		return r.resolveProcess(ctx, p) // Its file is gone: nothing can start it again.
	case u.MainPID == 0 && u.Restart == "no":
		return r.resolveProcess(ctx, p) // A script such as rc.local left it, and nobody watches it.
	case !r.serves(u, found.procs):
		return recovery.Target{}, foreign(p, fmt.Sprintf("runs in unit %q and is not its main process", name))
	}
	return recovery.Target{Strategy: config.StrategyService, Unit: name}, nil
}

// serves says whether restarting the unit restarts the processes: one of them
// is its main process, or they are the children of a main process that wraps
// them, as mysqld_safe does. What merely was started from within a service, by
// cron for example, would be left running, or ended for good.
func (r *Restarter) serves(u systemd.Unit, procs []proctable.Process) bool {
	if u.MainPID == 0 {
		return false
	}
	if slices.ContainsFunc(procs, func(p proctable.Process) bool { return p.PID == u.MainPID }) {
		return true
	}
	if u.KillMode != "control-group" && u.KillMode != "mixed" { // systemd.kill(5)
		return false
	}
	return !slices.ContainsFunc(procs, func(p proctable.Process) bool { return !r.table.Descends(p, u.MainPID) })
}

// checkForeign refuses to end processes that somebody else would start again
// beside the new one. A service without Restart= stays dead, so that strategy
// process may have its way there; and a section with a start_command of its
// own is the word of an operator who knows how the process is started.
func (r *Restarter) checkForeign(ctx context.Context, p config.Process) error {
	if r.units == nil || p.OwnStartCommand {
		return nil
	}
	found, err := r.owned(p.Name)
	if err != nil {
		return err
	}
	for _, o := range found.owners {
		if o.unit == "" {
			continue
		}
		if o.service {
			u, err := r.units.Unit(ctx, o.unit)
			if err != nil {
				return fmt.Errorf("cannot find out whether %s may be ended: %w", command.Quote(p.Name), err)
			}
			if u.LoadState == systemd.LoadNotFound || u.Restart == "no" {
				continue
			}
		}
		return foreign(p, "runs "+places([]owner{o})+", which may start it again by itself")
	}
	return nil
}

// foreign is the refusal of a process that runs where what is more.
func foreign(p config.Process, what string) error {
	return refuse(recovery.ReasonForeignUnit,
		"process %s %s: say in [process.%s] what to restart, with restart_strategy = service and unit = or with start_command =",
		command.Quote(p.Name), what, plain(p.Name))
}

// places names a few owners.
func places(owners []owner) string {
	const few = 3
	var names []string
	outside := false
	for _, o := range owners {
		if o.unit == "" {
			outside = true
		} else {
			names = append(names, fmt.Sprintf("%q", o.unit))
		}
	}
	slices.Sort(names)
	text := "in unit "
	if len(names) > 1 {
		text = "in the units "
	}
	if more := len(names) - few; more > 0 {
		text += strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d more", more)
	} else {
		text += strings.Join(names, ", ")
	}
	if outside {
		text += " and also outside of any"
	}
	return text
}
