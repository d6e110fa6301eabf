// Package proctable finds running processes by name in /proc, says whether
// one of them still runs, and ends them: SIGTERM, a wait, SIGKILL. It starts
// nothing, and it knows nothing of units, alarms or configuration.
//
// A process is told from a later one with the same number by the time of its
// start. Processes come and go while the table is read: one that vanishes is
// never an error.
package proctable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// Process identifies one process for as long as the host runs.
type Process struct {
	PID int
	// Start is when it started, in clock ticks since the host's boot.
	Start uint64
}

func (p Process) String() string { return fmt.Sprintf("%d", p.PID) }

// Table is the process table of the host. It keeps nothing between calls and
// is safe for concurrent use.
type Table struct {
	fs procfs.FS
	// self is the process that is never found, and whose ancestors are not.
	self int
	// killWait is how long a process may take to go after SIGKILL.
	killWait time.Duration
}

// New returns the table that /proc shows.
func New() (*Table, error) { return NewAt(procfs.DefaultMountPoint) }

// NewAt returns the table that the proc file system mounted at mount shows.
func NewAt(mount string) (*Table, error) {
	proc, err := procfs.NewFS(mount)
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table at %q: %w", mount, err)
	}
	return &Table{fs: proc, self: os.Getpid(), killWait: KillWait}, nil
}

// commLength is how much of a name the kernel keeps as a process's comm, in
// bytes (TASK_COMM_LEN less its NUL, proc_pid_comm(5)).
const commLength = 15

// The bits and letters of /proc/PID/stat that matter here (proc_pid_stat(5),
// include/linux/sched.h).
const (
	kernelThread = 0x00200000 // PF_KTHREAD in flags
	initPID      = 1
)

// Find returns the processes whose name is exactly name: their comm, the base
// name of their executable or that of their argv[0], so that names beyond the
// kernel's 15 bytes are found; also scripts with such a long name. It never
// returns this process or an ancestor of it, PID 1, a kernel thread, a zombie,
// or a process in a PID namespace below this one: that is a container's, has
// its own idea of what its name means, and somebody else restarts it.
//
// Three small files a process are read at most. Only what matches is looked
// at more closely.
func (t *Table) Find(name string) ([]Process, error) {
	if name == "" {
		return nil, nil
	}
	all, err := t.fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	var (
		found []Process
		spare map[int]bool
		depth int
	)
	for _, proc := range all {
		matched, err := matches(proc, name)
		if err != nil {
			return nil, fmt.Errorf("cannot look at process %d: %w", proc.PID, err)
		}
		if !matched {
			continue
		}
		if spare == nil {
			spare, depth = t.lineage(t.self), t.depth()
		}
		if spare[proc.PID] {
			continue
		}
		p, ok, err := t.eligible(proc, depth)
		if err != nil {
			return nil, fmt.Errorf("cannot look at process %d: %w", proc.PID, err)
		}
		if ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// matches reads as little as it can. The executable comes first: it is one
// system call, and kernel threads, zombies and the vanished have none.
func matches(proc procfs.Proc, name string) (bool, error) {
	exe, err := proc.Executable()
	switch {
	case errors.Is(err, fs.ErrPermission):
		// Another user's, and this is not root: the other names must do.
	case err != nil || exe == "":
		return false, notTelling(err)
	}
	if exe != "" && path.Base(strings.TrimSuffix(exe, " (deleted)")) == name {
		return true, nil
	}
	comm, err := proc.Comm()
	if err = notTelling(err); err != nil {
		return false, err
	}
	if comm == name {
		return true, nil
	}
	argv, err := proc.CmdLine()
	if err = notTelling(err); err != nil || len(argv) == 0 {
		return false, err
	}
	return argvMatches(argv, name) || scriptMatches(comm, argv, name), nil
}

// argvMatches compares the base name of argv[0]. A daemon that writes a title
// there, such as "sshd: root@pts/0", has its name in front of the colon.
func argvMatches(argv []string, name string) bool {
	title, _, _ := strings.Cut(argv[0], ": ")
	return title != "" && path.Base(title) == name
}

// scriptMatches finds a script that is longer in name than comm can hold. The
// kernel runs it as "interpreter [option] script" and makes the beginning of
// the script's name its comm (execve(2), "Interpreter scripts").
func scriptMatches(comm string, argv []string, name string) bool {
	if len(name) <= commLength || comm != strings.TrimSpace(name[:commLength]) {
		return false
	}
	for i := 1; i < len(argv) && i <= 2; i++ {
		if path.Base(argv[i]) == name {
			return true
		}
	}
	return false
}

// eligible says whether a process that has the name may be touched.
func (t *Table) eligible(proc procfs.Proc, depth int) (Process, bool, error) {
	stat, err := proc.Stat()
	if err != nil {
		return Process{}, false, notTelling(err)
	}
	if stat.PID == initPID || stat.Flags&kernelThread != 0 || ended(stat) {
		return Process{}, false, nil
	}
	status, err := proc.NewStatus()
	if err != nil {
		return Process{}, false, notTelling(err)
	}
	return Process{PID: proc.PID, Start: stat.Starttime}, len(status.NSpids) <= depth, nil
}

// ended says whether the process is a zombie or nearly so. A process whose
// first thread alone has ended looks like one, but has other threads.
func ended(stat procfs.ProcStat) bool {
	return (stat.State == "Z" || stat.State == "X" || stat.State == "x") && stat.NumThreads <= 1
}

// Descends says whether the process is a child, a grandchild and so on of the
// process with this number. One that was left by its parent has become a child
// of PID 1's.
func (t *Table) Descends(p Process, pid int) bool {
	return p.PID != pid && t.lineage(p.PID)[pid]
}

// lineage is a process and its ancestors.
func (t *Table) lineage(of int) map[int]bool {
	line := map[int]bool{initPID: true}
	for pid := of; pid > 0 && !line[pid]; {
		line[pid] = true
		proc, err := t.fs.Proc(pid)
		if err != nil {
			break
		}
		stat, err := proc.Stat()
		if err != nil {
			break
		}
		pid = stat.PPID
	}
	return line
}

// depth is the number of PID namespaces that this process shows in, seen from
// the mounted proc; a process in a namespace below shows in more.
func (t *Table) depth() int {
	proc, err := t.fs.Proc(t.self)
	if err != nil {
		return 1
	}
	status, err := proc.NewStatus()
	if err != nil {
		return 1
	}
	return max(len(status.NSpids), 1)
}

// Alive says whether the process still runs. A zombie does not.
func (t *Table) Alive(p Process) (bool, error) {
	proc, err := t.fs.Proc(p.PID)
	if err != nil {
		return false, notTelling(err)
	}
	stat, err := proc.Stat()
	if err != nil {
		return false, notTelling(err)
	}
	return stat.Starttime == p.Start && !ended(stat), nil
}

// notTelling takes away the errors that only mean that a process is gone or
// does not show itself. What is left, such as a lack of file descriptors, must
// not pass for the absence of a process.
func notTelling(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
