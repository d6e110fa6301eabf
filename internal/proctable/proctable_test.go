package proctable

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/testenv"
)

func table(t *testing.T) *Table {
	t.Helper()
	tab, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// unique makes a name that no other process on the machine has.
func unique(name string) string { return name + "-" + strconv.Itoa(os.Getpid()) }

// program copies sleep(1) under a name of its own.
func program(t *testing.T, name string) string {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	return executable(t, name, string(text))
}

func executable(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// start runs a command in a process group that ends with the test. The
// command's first line of output, where it writes any, says that it is ready.
func start(t *testing.T, announces bool, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// "Text file busy": another test's fork holds the copy open for writing.
	for err = cmd.Start(); errors.Is(err, syscall.ETXTBSY); err = cmd.Start() {
		runtime.Gosched()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	if announces {
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
	}
	return cmd
}

func find(t *testing.T, tab *Table, name string) []Process {
	t.Helper()
	found, err := tab.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantFound(t *testing.T, name string, want ...int) []Process {
	t.Helper()
	found := find(t, table(t), name)
	var pids []int
	for _, p := range found {
		pids = append(pids, p.PID)
	}
	if len(pids) != len(want) || (len(want) == 1 && pids[0] != want[0]) {
		t.Fatalf("found %v as %q, want %v", pids, name, want)
	}
	// Usage goes by the same rules.
	used, _, err := table(t).Usage([]string{name}, nil, goOn)
	if err != nil || used[name].Processes != len(want) {
		t.Fatalf("%d processes use something as %q, want %v, %v", used[name].Processes, name, want, err)
	}
	return found
}

func TestAShortNameIsFound(t *testing.T) {
	name := unique("s")
	cmd := start(t, false, exec.Command(program(t, name), "1000"))
	wantFound(t, name, cmd.Process.Pid)
}

func TestANameBeyondTheKernelsLengthIsFound(t *testing.T) {
	name := unique("a-process-with-a-long-name")
	cmd := start(t, false, exec.Command(program(t, name), "1000"))
	wantFound(t, name, cmd.Process.Pid)
	wantFound(t, name[:len(name)-1])
	wantFound(t, name+"x")
}

func TestAReplacedExecutableIsFound(t *testing.T) {
	name := unique("a-process-that-was-upgraded")
	file := program(t, name)
	cmd := exec.Command(file, "1000")
	cmd.Args[0] = "something-else"
	start(t, false, cmd)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	wantFound(t, name, cmd.Process.Pid)
}

func TestATitleIsFoundByWhatIsBeforeTheColon(t *testing.T) {
	name := unique("a-daemon-with-a-title")
	cmd := exec.Command(program(t, unique("other")), "1000")
	cmd.Args[0] = "/usr/sbin/" + name + ": worker pts/0"
	start(t, false, cmd)
	wantFound(t, name, cmd.Process.Pid)
	wantFound(t, "0")
}

// startScript starts a script that begins like this and then waits. It reads
// rather than sleeps: a child that the shell has forked and that is not sleep
// yet would be a second process of the name.
func startScript(t *testing.T, name, beginning string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(executable(t, name, beginning+"echo ready\nread -r line\n"))
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	return start(t, true, cmd)
}

func TestAScriptIsFoundByItsOwnName(t *testing.T) {
	short, long := unique("sc"), unique("a-script-with-a-long-name")
	for _, name := range []string{short, long} {
		for _, option := range []string{"", " -u"} {
			cmd := startScript(t, name, "#!/bin/sh"+option+"\n")
			wantFound(t, name, cmd.Process.Pid)
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		}
	}
}

func TestAnArgumentIsNotAName(t *testing.T) {
	name := unique("a-name-that-is-an-argument")
	start(t, true, exec.Command("/bin/sh", "-c", "echo ready; sleep 1000", name))
	start(t, true, exec.Command("/bin/sh", "-c", "echo ready; sleep 1000 # "+name))
	wantFound(t, name)
}

func TestThisProcessItsAncestorsAndInitAreNeverFound(t *testing.T) {
	tab := table(t)
	for pid := os.Getpid(); pid > 0; {
		proc, err := tab.fs.Proc(pid)
		if err != nil {
			t.Fatal(err)
		}
		stat, err := proc.Stat()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range find(t, tab, stat.Comm) {
			if p.PID == pid {
				t.Errorf("found %d, %q", pid, stat.Comm)
			}
		}
		pid = stat.PPID
	}
}

func TestAZombieIsNeitherFoundNorAlive(t *testing.T) {
	name := unique("a-zombie")
	cmd := start(t, false, exec.Command(program(t, name), "1000"))
	p := wantFound(t, name, cmd.Process.Pid)[0]
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	tab := table(t)
	for { // until the kernel has made it a zombie: nobody reaps it yet
		alive, err := tab.Alive(p)
		if err != nil {
			t.Fatal(err)
		}
		if !alive {
			break
		}
		runtime.Gosched()
	}
	if len(find(t, tab, name)) != 0 {
		t.Error("found a zombie")
	}
}

func TestAReusedNumberIsAnotherProcess(t *testing.T) {
	name := unique("reused")
	cmd := start(t, false, exec.Command(program(t, name), "1000"))
	p := wantFound(t, name, cmd.Process.Pid)[0]
	earlier := Process{PID: p.PID, Start: p.Start - 1}
	tab := table(t)
	if alive, err := tab.Alive(earlier); alive || err != nil {
		t.Errorf("the earlier process of the number is alive: %t, %v", alive, err)
	}
	if err := tab.Terminate(t.Context(), []Process{earlier}, time.Minute); err != nil {
		t.Error(err)
	}
	wantFound(t, name, cmd.Process.Pid)
}

func TestAProcessOfAContainerIsNotFound(t *testing.T) {
	name := unique("a-process-in-a-container")
	cmd := exec.Command("unshare", "--pid", "--fork", "--kill-child", "/bin/sh", "-c",
		program(t, name)+" 1000 & echo ready; wait")
	testenv.NeedRoot(t, "only it has PID namespaces")
	start(t, true, cmd)
	wantFound(t, name)
}

// fixture writes a small proc file system.
func fixture(t *testing.T, procs map[int]map[string]string) *Table {
	t.Helper()
	tab, _ := fixtureIn(t, procs)
	return tab
}

func fixtureIn(t *testing.T, procs map[int]map[string]string) (*Table, string) {
	t.Helper()
	dir := t.TempDir()
	for pid, files := range procs {
		sub := filepath.Join(dir, strconv.Itoa(pid))
		if err := os.MkdirAll(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			var err error
			if name == "exe" {
				err = os.Symlink(text, filepath.Join(sub, name))
			} else {
				err = os.WriteFile(filepath.Join(sub, name), []byte(text), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	tab, err := NewAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tab, dir
}

func stat(pid int, comm, state string, flags, threads int) string {
	return strconv.Itoa(pid) + " (" + comm + ") " + state + " 0 1 1 0 -1 " + strconv.Itoa(flags) +
		strings.Repeat(" 0", 10) + " " + strconv.Itoa(threads) + " 0 4711" + strings.Repeat(" 0", 30) + "\n"
}

func TestWhatMayBeTouched(t *testing.T) {
	process := func(pid int, state string, flags, threads int, status string) map[string]string {
		return map[string]string{
			"exe": "/usr/bin/thing", "comm": "thing\n", "cmdline": "thing\x00",
			"stat": stat(pid, "thing", state, flags, threads), "status": status,
		}
	}
	tab := fixture(t, map[int]map[string]string{
		1:  process(1, "S", 0, 1, "NSpid:\t1\n"),
		10: process(10, "S", 0, 1, "NSpid:\t10\n"),
		11: process(11, "Z", 0, 1, "NSpid:\t11\n"),
		12: process(12, "S", kernelThread, 1, "NSpid:\t12\n"),
		13: process(13, "S", 0, 1, "NSpid:\t13\t5\n"),
		14: process(14, "Z", 0, 3, "NSpid:\t14\n"), // only its first thread has ended
		15: {"exe": "/usr/bin/thing"},              // vanished half-way
		16: process(16, "S", 0, 1, "Name:\tthing\n"),
	})
	got := map[int]bool{}
	for _, p := range find(t, tab, "thing") {
		got[p.PID] = true
		if p.Start != 4711 {
			t.Errorf("process %d started at %d", p.PID, p.Start)
		}
	}
	for pid, want := range map[int]bool{1: false, 10: true, 11: false, 12: false, 13: false, 14: true, 15: false, 16: true} {
		if got[pid] != want {
			t.Errorf("process %d: found %t, want %t", pid, got[pid], want)
		}
	}
}

func TestALackOfDescriptorsIsNotAnAbsence(t *testing.T) {
	// A link that leads nowhere sensible stands for any trouble other than
	// a process that is gone.
	tab, dir := fixtureIn(t, map[int]map[string]string{10: {"exe": "/usr/bin/other"}})
	comm := filepath.Join(dir, "10", "comm")
	if err := os.Symlink(comm, comm); err != nil { // ELOOP
		t.Fatal(err)
	}
	if found, err := tab.Find("thing"); err == nil {
		t.Fatalf("found %v and no error", found)
	}
}

func TestTheControlGroupOfAProcess(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"v2", "0::/system.slice/dbus.service\n", "system.slice dbus.service"},
		{
			"v1", "11:cpu,cpuacct:/\n2:devices:/x\n1:name=systemd:/system.slice/dbus.service\n",
			"system.slice dbus.service",
		},
		{"hybrid", "1:name=systemd:/system.slice/dbus.service\n0::/system.slice/dbus.service\n", "system.slice dbus.service"},
		{"none", "0::/\n", ""},
		{"nothing at all", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := fixture(t, map[int]map[string]string{10: {"cgroup": c.text}})
			got, err := tab.Groups(Process{PID: 10})
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	tab, err := New()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tab.Find("no-such-process"); err != nil {
			b.Fatal(err)
		}
	}
}
