package proctable

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
)

// Groups returns the parts of the path of the process's control group, among
// which its unit is where systemd manages it; none for a process that is gone.
func (t *Table) Groups(p Process) ([]string, error) {
	proc, err := t.fs.Proc(p.PID)
	if err != nil {
		return nil, notTelling(err)
	}
	return groups(proc)
}

// Members returns the processes whose control group is the unit's or lies
// below it. Zombies have left their group.
func (t *Table) Members(unit string) ([]Process, error) {
	all, err := t.fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	var members []Process
	for _, proc := range all {
		parts, err := groups(proc)
		if err != nil {
			return nil, fmt.Errorf("cannot look at process %d: %w", proc.PID, err)
		}
		if !slices.Contains(parts, unit) {
			continue
		}
		stat, err := proc.Stat()
		switch {
		case err != nil:
			if err := notTelling(err); err != nil {
				return nil, fmt.Errorf("cannot look at process %d: %w", proc.PID, err)
			}
		case !ended(stat):
			members = append(members, Process{PID: proc.PID, Start: stat.Starttime})
		}
	}
	return members, nil
}

// groups finds the path in the hierarchy that systemd keeps its units in: the
// one of its name with cgroup v1, else the only one of v2 (cgroups(7)).
func groups(proc procfs.Proc) ([]string, error) {
	all, err := proc.Cgroups()
	if err != nil {
		return nil, notTelling(err)
	}
	for _, g := range all {
		named := len(g.Controllers) == 1 && g.Controllers[0] == "name=systemd"
		if path := strings.Trim(g.Path, "/"); path != "" && (named || len(g.Controllers) == 0) {
			return strings.Split(path, "/"), nil
		}
	}
	return nil, nil
}
