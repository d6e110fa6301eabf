package proctable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// clockTicks is the unit of times in /proc/PID/stat, in Hz: USER_HZ, which is
// 100 on every architecture that Go runs on (proc_pid_stat(5)).
const clockTicks = 100

// Usage is what some processes use together.
type Usage struct {
	// Processes is how many they are.
	Processes int
	// CPU is the processor time of those that run, and of the children
	// that they have waited for.
	CPU time.Duration
	// Memory is what they have resident, in bytes. What several of them
	// share is counted for each.
	Memory uint64
	// Since is when the oldest of them was started.
	Since time.Time
}

// Usage says what the processes of each name use, by the rules of Find, and
// those in each of the control groups that the units of these names have, by
// the rules of Members. What has no process is not in the answers. The table
// is read once, however many names and units there are; stop ends the reading
// early, with the error that it returns.
func (t *Table) Usage(names, units []string, stop func() error) (byName, byUnit map[string]Usage, err error) {
	all, err := t.fs.AllProcs()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	stat, err := t.fs.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read when the host was booted: %w", err)
	}
	u := usages{
		table: t, spare: t.lineage(t.self), depth: t.depth(),
		boot:  time.Unix(int64(stat.BootTime), 0), //nolint:gosec // a time, in seconds
		names: wanted(names), units: wanted(units),
		byName: make(map[string]Usage), byUnit: make(map[string]Usage),
	}
	for _, proc := range all {
		if err := stop(); err != nil {
			return nil, nil, err
		}
		if err := u.look(proc); err != nil {
			return nil, nil, fmt.Errorf("cannot look at process %d: %w", proc.PID, err)
		}
	}
	return u.byName, u.byUnit, nil
}

func wanted(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[s] = s != ""
	}
	return set
}

// usages adds up what one reading of the table finds.
type usages struct {
	table          *Table
	spare          map[int]bool
	depth          int
	boot           time.Time
	names, units   map[string]bool
	byName, byUnit map[string]Usage
}

func (u *usages) look(proc procfs.Proc) error {
	var names, units []string
	var err error
	if len(u.names) > 0 {
		if names, err = u.namesOf(proc); err != nil {
			return err
		}
	}
	if len(u.units) > 0 {
		parts, err := groups(proc)
		if err != nil {
			return err
		}
		units = slices.DeleteFunc(parts, func(part string) bool { return !u.units[part] })
	}
	if len(names) == 0 && len(units) == 0 {
		return nil
	}
	stat, err := proc.Stat()
	if err != nil {
		return notTelling(err)
	}
	if !ended(stat) {
		for _, unit := range units {
			u.byUnit[unit] = u.plus(u.byUnit[unit], stat)
		}
	}
	if len(names) == 0 || u.spare[proc.PID] {
		return nil
	}
	if _, ok, err := u.table.eligible(proc, u.depth); err != nil || !ok {
		return err
	}
	for _, name := range names {
		u.byName[name] = u.plus(u.byName[name], stat)
	}
	return nil
}

// plus adds one process.
func (u *usages) plus(sum Usage, stat procfs.ProcStat) Usage {
	ticks := func(n uint64) time.Duration { return time.Duration(n) * (time.Second / clockTicks) } //nolint:gosec // below 292 years
	used := ticks(uint64(stat.UTime)) + ticks(uint64(stat.STime)) + ticks(uint64(max(0, stat.CUTime))) + ticks(uint64(max(0, stat.CSTime)))
	started := u.boot.Add(ticks(stat.Starttime))
	if sum.Processes == 0 || started.Before(sum.Since) {
		sum.Since = started
	}
	sum.Processes++
	sum.CPU += used
	sum.Memory += uint64(max(0, stat.RSS)) * uint64(os.Getpagesize()) //nolint:gosec // no size is negative
	return sum
}

// namesOf returns those of the wanted names that the process has, each once:
// what matches says of each of them.
func (u *usages) namesOf(proc procfs.Proc) ([]string, error) {
	var found []string
	add := func(name string) {
		if u.names[name] && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	exe, err := proc.Executable()
	switch {
	case errors.Is(err, fs.ErrPermission):
	case err != nil || exe == "":
		return nil, notTelling(err)
	default:
		add(path.Base(strings.TrimSuffix(exe, " (deleted)")))
	}
	comm, err := proc.Comm()
	if err = notTelling(err); err != nil {
		return nil, err
	}
	add(comm)
	argv, err := proc.CmdLine()
	if err = notTelling(err); err != nil || len(argv) == 0 {
		return found, err
	}
	if title, _, _ := strings.Cut(argv[0], ": "); title != "" {
		add(path.Base(title))
	}
	for i := 1; i < len(argv) && i <= 2; i++ {
		if name := path.Base(argv[i]); scriptMatches(comm, argv, name) {
			add(name)
		}
	}
	return found, nil
}
