//go:build e2e

package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// moments are the steps of a recovery at which the daemon is hit, in turn.
var moments = []string{"begin pre", "ok pre", "begin start", "ok start", "begin check", "ok check"}

func daemonFaults() []fault {
	const pid = "$(systemctl show --value -p MainPID " + daemonUnit + ")"
	hangUp := "systemctl kill --kill-who=main -s HUP " + daemonUnit
	return []fault{
		{kind: "daemon killed in a recovery", on: "daemon", deadly: "status=9/KILL", hold: [2]time.Duration{100 * ms, 500 * ms}, inject: hit("KILL")},
		{kind: "daemon stopped in a recovery", on: "daemon", hold: [2]time.Duration{0, 500 * ms}, inject: hit("TERM")},
		{kind: "wall clock stepped by a day", on: "daemon", slow: true, inject: stepClock},
		{kind: "SIGHUP storm", on: "daemon", inject: once("pid=" + pid + "; for i in {1..5000}; do kill -HUP $pid; done")},
		{
			kind: "config.ini half written", on: "daemon", hold: [2]time.Duration{300 * ms, 1000 * ms},
			inject: func(s *stage, r *rand.Rand) func() {
				s.shell(fmt.Sprintf("cp %s /srv/chaos/whole.ini; head -c %d /srv/chaos/whole.ini >%s; %s",
					configPath, middleOfAKey(r), configPath, hangUp))
				return func() { s.shell("cp /srv/chaos/whole.ini " + configPath + "; " + hangUp) }
			},
		},
		{
			kind: "file descriptors exhausted", on: "daemon", blinding: true, hold: [2]time.Duration{500 * ms, 2000 * ms},
			// The soft limit alone: it can be raised again.
			inject: between("prlimit --pid "+pid+" --nofile=8:",
				"pid="+pid+"; prlimit --pid $pid --nofile=$(prlimit --pid $pid --noheadings --output=HARD --nofile):"),
		},
		{
			kind: "PIDs exhausted", on: "daemon", hold: [2]time.Duration{500 * ms, 2000 * ms},
			inject: exhaustPIDs,
		},
	}
}

// middleOfAKey is a place where the configuration may be cut so that what is
// left is wrong. Cut between two lines it may be right, and would mean what it
// says.
func middleOfAKey(r *rand.Rand) int {
	keys := regexp.MustCompile(`(?m)^\w+ =`).FindAllStringIndex(configuration, -1)
	return keys[r.IntN(len(keys))][0] + 3
}

// hit ends the daemon in the middle of a recovery, by the signal.
func hit(signal string) func(*stage, *rand.Rand) func() {
	turn := 0
	return func(s *stage, r *rand.Rand) func() {
		moment := moments[turn%len(moments)]
		turn++
		s.shell("pid=$(systemctl show --value -p MainPID " + daemonUnit + ")\n" +
			awaitStep(moment) + fmt.Sprintf("sleep 0.0%02d; kill -%s $pid", r.IntN(60), signal))
		// A daemon that was killed is started by systemd, one that was
		// asked to stop is not.
		return func() { s.shell("systemctl start " + daemonUnit) }
	}
}

// exhaustPIDs leaves the daemon no process and no thread more than it has. It
// is done from outside: the host inside has the controller only where the one
// outside has given it away.
func exhaustPIDs(s *stage, _ *rand.Rand) func() {
	pid, err := s.outsidePID(s.Property(s.t, daemonUnit, "MainPID"))
	if err != nil {
		s.t.Error(err)
		return nothing
	}
	limit, err := limitPIDs(pid)
	if err != nil {
		s.t.Error(err)
		return nothing
	}
	return func() {
		if err := limit.lift(); err != nil {
			s.t.Error(err)
		}
	}
}

// outsidePID is the id, seen from outside, of a process of the host.
func (s *stage) outsidePID(inside string) (int, error) {
	procs, err := procfs.AllProcs()
	if err != nil {
		return 0, err
	}
	machine, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", s.Leader()))
	if err != nil {
		return 0, err
	}
	for _, p := range procs {
		space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", p.PID))
		if err != nil || space != machine {
			continue
		}
		status, err := p.NewStatus()
		if err != nil || len(status.NSpids) == 0 {
			continue
		}
		if fmt.Sprint(status.NSpids[len(status.NSpids)-1]) == inside {
			return p.PID, nil
		}
	}
	return 0, fmt.Errorf("process %s of the host is not there", inside)
}

// pidLimit is a control group with one process and its children.
type pidLimit struct {
	dir string
	// home is the group that they go back to, empty where dir is their own.
	home string
}

// limitPIDs puts the process into a group that is full. Where the controller
// is one of version 2, that is the group that it is in.
func limitPIDs(pid int) (pidLimit, error) {
	const v1 = "/sys/fs/cgroup/pids"
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return pidLimit{}, err
	}
	// The lines of cgroups(7) are number:controllers:path.
	path := func(controller string) string {
		found := regexp.MustCompile(`(?m)^\d+:` + controller + `:(.*)$`).FindSubmatch(groups)
		if found == nil {
			return ""
		}
		return string(found[1])
	}
	if _, err := os.Stat(v1); err != nil {
		return pidLimit{dir: "/sys/fs/cgroup" + path("")}.set()
	}
	l := pidLimit{dir: filepath.Join(v1, fmt.Sprint("monitor-test-", os.Getpid())), home: v1 + path("pids")}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return l, err
	}
	if err := write(l.dir, "cgroup.procs", fmt.Sprint(pid)); err != nil {
		return l, err
	}
	return l.set()
}

func (l pidLimit) set() (pidLimit, error) {
	current, err := os.ReadFile(filepath.Join(l.dir, "pids.current"))
	if err != nil {
		return l, err
	}
	return l, write(l.dir, "pids.max", strings.TrimSpace(string(current)))
}

// lift leaves nothing of the limit behind.
func (l pidLimit) lift() error {
	if err := write(l.dir, "pids.max", "max"); err != nil || l.home == "" {
		return err
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * ms) {
		left, err := os.ReadFile(filepath.Join(l.dir, "cgroup.procs"))
		if err != nil {
			return err
		}
		for pid := range strings.FieldsSeq(string(left)) {
			_ = write(l.home, "cgroup.procs", pid) // it may have ended
		}
		if err := os.Remove(l.dir); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func write(dir, file, text string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644)
}
