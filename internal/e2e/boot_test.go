//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"monitor_service/internal/testenv/host"
)

// holderVariable makes the test program boot a host and wait to be killed.
const holderVariable = "MONITOR_TEST_HOLD_A_HOST"

func TestSystemdJournaldAndMariaDBAnswerOnTheHost(t *testing.T) {
	b := newBed(t)
	if got := b.Must(t, "cat", "/proc/1/comm"); got != "systemd" {
		t.Errorf("PID 1 is %q, want systemd", got)
	}
	if got := b.Must(t, "systemctl", "is-system-running"); got != "running" {
		t.Errorf("the host is %q, want running", got)
	}
	if got := b.SQL(t, "SELECT 6 * 7, NULL;"); got != "42\tNULL" {
		t.Errorf("MariaDB answered %q", got)
	}
	b.Must(t, "systemd-cat", "--identifier=boot-test", "echo", "a line of the journal")
	entries := b.journalSince(t, "SYSLOG_IDENTIFIER=boot-test")
	if len(entries) != 1 || entries[0]["MESSAGE"] != "a line of the journal" {
		t.Errorf("the journal has %v, want the one line", entries)
	}
	if got := b.Must(t, "date", "+%z"); got == "+0000" {
		t.Error("the host's local time is UTC, which hides where the two are mixed up")
	}
	if got := b.Must(t, "pwd"); got != "/" {
		t.Errorf("commands run in %q, want the machine's own root directory", got)
	}
	if got := b.Must(t, "hostname"); got != b.Name() {
		t.Errorf("the host is called %q, want %q", got, b.Name())
	}
}

func TestARestartedServiceGetsANewInvocation(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	before := b.invocation(t, worker)
	b.Must(t, "systemctl", "restart", worker)
	if after := b.invocation(t, worker); before == "" || after == "" || after == before {
		t.Errorf("InvocationID was %q and is %q, want two different ones", before, after)
	}
}

func TestNothingOfATestIsLeftForTheNext(t *testing.T) {
	b := newBed(t)
	b.workers(t, "1", "2")
	b.unit(t, "broken.service", "[Service]\nExecStart=/bin/false\n")
	_, _ = b.Run(t, "systemctl", "start", "broken.service")
	b.Must(t, "systemctl", "mask", "--runtime", "masked.service")
	b.process(t, "/srv/a-process-with-a-long-name", "infinity")
	b.raiseAlarm(t, 1, `a name; with "quotes' and $(more)`)
	if got, want := b.alarmState(t, 1), (alarm{"1", "0", ""}); got != want {
		t.Errorf("the alarm is %v, want %v", got, want)
	}
	b.configure(t, baseConfig)
	b.Must(t, "systemctl", "stop", "mariadb.service")

	b = prepare(t, b.Host)
	left := b.Shell(t, `
		systemctl list-units --all --no-legend --plain 'w@*' 'run-*.service' broken.service masked.service
		systemctl --failed --no-legend --plain
		ls `+scratchUnits+`
		! pgrep a-process-with-
		! ls -d /etc/monitor_service 2>/dev/null
	`)
	if left != "" {
		t.Errorf("left on the host:\n%s", left)
	}
	if rows := b.SQL(t, "SELECT * FROM v_process_monitor.STATUS_PROCESS;"); rows != "" {
		t.Errorf("left in the database:\n%s", rows)
	}
}

func TestTwoHostsSideBySideDoNotTouchEachOther(t *testing.T) {
	b, other := newBed(t), prepare(t, host.Boot(t, host.Options{}))
	worker := b.workers(t, "1")[0]
	other.workers(t, "1")
	untouched := b.invocation(t, worker)

	other.Put(t, "/etc/only-on-the-other", "", 0o644)
	other.Must(t, "systemctl", "kill", "--signal=KILL", worker, "mariadb.service")
	other.Must(t, "systemctl", "stop", worker, "mariadb.service")

	if _, err := b.Run(t, "test", "-e", "/etc/only-on-the-other"); err == nil {
		t.Error("a file of the other host is on this one")
	}
	if got := b.Property(t, worker, "ActiveState"); got != "active" {
		t.Errorf("%s is %q after it was stopped on the other host, want active", worker, got)
	}
	if got := b.invocation(t, worker); got != untouched {
		t.Errorf("%s was restarted when it was stopped on the other host", worker)
	}
	if got := b.SQL(t, "SELECT 1;"); got != "1" {
		t.Errorf("MariaDB answered %q after it was stopped on the other host", got)
	}
	if got := b.Must(t, "systemctl", "show", "--value", "--property=ControlGroup", worker); got == "" {
		t.Errorf("%s has no control group any more", worker)
	}
	if ours, theirs := groupOf(t, b.Leader()), groupOf(t, other.Leader()); ours == theirs {
		t.Errorf("both hosts have their units in the control group %q", ours)
	}
}

func TestAStoppedHostLeavesNothingRunning(t *testing.T) {
	host.Require(t)
	var leader, nspawn int
	var group string
	t.Run("host", func(t *testing.T) {
		h := host.Boot(t, host.Options{})
		leader, nspawn = h.Leader(), parent(t, h.Leader())
		group = groupOf(t, leader)
		if inside := insiders(t, leader); len(inside) < 5 {
			t.Fatalf("only processes %v run on the host", inside)
		}
		if _, err := os.Stat(group); err != nil {
			t.Fatal(err)
		}
	})
	for _, pid := range []int{leader, nspawn} {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
			t.Errorf("process %d is still there", pid)
		}
	}
	if _, err := os.Stat(group); err == nil {
		t.Errorf("the control group %q is still there", group)
	}
}

func TestAKilledTestProgramTakesItsHostWithIt(t *testing.T) {
	if os.Getenv(holderVariable) != "" {
		hold(t)
	}
	host.Require(t)
	host.RootFS(t)
	holder := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	holder.Env = append(os.Environ(), holderVariable+"=1")
	holder.Stderr = os.Stderr
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	var leader int
	for lines := bufio.NewScanner(out); leader == 0 && lines.Scan(); {
		leader, _ = strconv.Atoi(strings.TrimPrefix(lines.Text(), "leader "))
	}
	if leader == 0 {
		t.Fatal("the other test program did not boot a host")
	}
	inside, nspawn, group := insiders(t, leader), parent(t, leader), groupOf(t, leader)

	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	for _, pid := range append(inside, nspawn) {
		for deadline := time.Now().Add(host.Limit); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %d outlived the test program that booted its host by %s", pid, host.Limit)
			}
		}
	}
	host.Boot(t, host.Options{})
	if _, err := os.Stat(group); err == nil {
		t.Errorf("the control group %q is still there after the next boot", group)
	}
}

// hold boots a host, says its leader, and waits for the end.
func hold(t *testing.T) {
	h := host.Boot(t, host.Options{})
	fmt.Printf("leader %d\n", h.Leader())
	select {}
}

// insiders are the processes in the leader's namespace, by their ids outside.
func insiders(t *testing.T, leader int) []int {
	t.Helper()
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", leader))
	if err != nil {
		t.Fatal(err)
	}
	all, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, p := range all {
		if ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", p.PID)); err == nil && ns == namespace {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

func parent(t *testing.T, pid int) int {
	t.Helper()
	p, err := procfs.NewProc(pid)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := p.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return stat.PPID
}

// groupOf is the directory of the control group in which the machine of this
// leader keeps its units.
func groupOf(t *testing.T, leader int) string {
	t.Helper()
	p, err := procfs.NewProc(leader)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := p.Cgroups()
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := procfs.GetMounts()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(mounts, func(m *procfs.MountInfo) bool { return m.FSType == "cgroup2" })
	for _, g := range groups {
		if g.HierarchyID == 0 && at >= 0 {
			return filepath.Dir(filepath.Join(mounts[at].MountPoint, g.Path)) // without init.scope
		}
	}
	t.Fatalf("process %d is in no control group of version 2", leader)
	return ""
}
