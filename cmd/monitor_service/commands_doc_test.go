package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"monitor_service/internal/cli"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
)

const (
	// commandsDoc has everything that the commands print.
	commandsDoc = "../../deploy/COMMANDS.md"
	// unknownName is nobody's, and demo-web the nearest.
	unknownName = "demo-wbe"
)

// shownCommand is a command line and the exit status that it has to have.
type shownCommand struct {
	args   string
	status int
}

// about are the commands about one process, and which of them are refused or
// fail. They stand in the order in which they were recorded, as each of them
// finds what the one before has left.
func about(process string, forced bool, refused ...string) []shownCommand {
	list := []string{"status NAME", "history NAME", "explain NAME", "restart NAME"}
	if forced {
		list = append(list, "restart NAME --force")
	}
	list = append(list, `pause NAME --for 2h --reason "new disks"`, "resume NAME", "reset NAME")
	shown := make([]shownCommand, 0, len(list))
	for _, args := range list {
		c := shownCommand{args: strings.Replace(args, "NAME", process, 1)}
		if slices.Contains(refused, strings.Replace(args, " NAME", "", 1)) {
			c.status = 1
		}
		shown = append(shown, c)
	}
	return shown
}

// steeredParts are those that change something, in the order in which they stand
// on the page and in which they are recorded.
func steeredParts() []string {
	return []string{"failing", "recovering", "open", "paused", "acknowledged", "all"}
}

// shownParts are the parts of the documents, with the commands that they show
// for each of the states.
func shownParts() map[string][]shownCommand {
	return map[string][]shownCommand{
		"operators": {
			{"status", 0},
			{"explain demo-batch", 0},
			{`pause demo-search --for 2h --reason "new disks"`, 0},
			{"restart demo-batch --force", 1},
		},
		"overview":     {{"status", 0}, {"history", 0}, {"status demo-feeds --json", 0}, {"history demo-mail --json", 0}, {"explain demo-mail --json", 0}},
		"recovered":    {{"status demo-web", 0}, {"history demo-web", 0}, {"explain demo-web", 0}},
		"failing":      about("demo-mail", false, "restart"),
		"recovering":   about("demo-feeds", false, "restart"),
		"open":         about("demo-batch", true, "restart", "restart --force"),
		"paused":       about("demo-search", true, "restart"),
		"acknowledged": about("demo-legacy", false),
		"all":          {{"check-now", 0}, {`pause --all --for 2h --reason "new disks"`, 0}, {"resume --all", 0}, {"reset --all", 0}},
		"unknown":      {{"explain " + unknownName, 1}},
		"usage":        {{"pause", 2}, {"pause demo-web --for 5", 2}, {"pause demo-web --for 99999h", 2}},
	}
}

// TestThePartsStandInTheOrderInWhichTheyWereRecorded holds the page to the order
// in which what it shows has happened.
func TestThePartsStandInTheOrderInWhichTheyWereRecorded(t *testing.T) {
	text, err := os.ReadFile(commandsDoc)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, part := range steeredParts() {
		i := strings.Index(string(text), "<!-- generated: "+part+" -->")
		if i < at {
			t.Errorf("the part %q is missing, or before one that was recorded earlier", part)
		}
		at = i
	}
}

// operators produces every part of the documents that shows commands.
func operators(t *testing.T) map[string]string {
	t.Helper()
	dir, err := os.MkdirTemp("", "readme")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	server, err := control.Listen(filepath.Join(dir, "c.sock"), "no such group", replay{record(t), t})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	absent := shownCommand{"status", 3}
	parts := map[string]string{
		"absent": printed(t, absent, filepath.Join(dir, "none.sock")),
		"stale":  printed(t, absent, leftBehind(t, dir)),
		"denied": denied(t),
	}
	for name, commands := range shownParts() {
		var b strings.Builder
		for _, c := range commands {
			b.WriteString(printed(t, c, server.Path()) + "\n")
		}
		parts[name] = b.String()
	}
	for name, text := range parts {
		parts[name] = "```\n" + strings.TrimSpace(text) + "\n```"
	}
	return parts
}

// leftBehind is the socket of a daemon that has died.
func leftBehind(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "dead.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// denied is what somebody is told who is not in the socket's group: a user that
// root makes up, else this user at a socket that lets nobody in.
func denied(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "readme") // where that user gets to as well
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "c.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })

	// The binary's own path may be out of that user's reach.
	c := shownCommand{"status", 1}
	cmd := exec.Command("/proc/self/exe", c.args, "--socket", path)
	cmd.Dir, cmd.Env = "/", []string{asProgram + "=1"}
	group, mode := os.Getegid(), os.FileMode(0)
	if os.Geteuid() == 0 {
		const nobody, others = 65534, 65533
		group, mode = others, 0o660
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(path, -1, group), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	out, _ := cmd.CombinedOutput() // its status tells
	if status := cmd.ProcessState.ExitCode(); status != c.status {
		t.Errorf("without permission it ends with %d, want %d:\n%s", status, c.status, out)
	}
	name := strconv.Itoa(group)
	if g, err := user.LookupGroupId(name); err == nil {
		name = g.Name
	}
	return prompt(c, strings.NewReplacer(path, config.DefaultSocket, strconv.Quote(name), strconv.Quote(control.Group),
		"-aG "+name+" ", "-aG "+control.Group+" ").Replace(string(out)))
}

// printed is what a command prints, as in a terminal.
func printed(t *testing.T, c shownCommand, socket string) string {
	t.Helper()
	var args []string
	for i, part := range strings.Split(c.args, `"`) {
		if i%2 == 1 {
			args = append(args, part) // what was in quotes
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	var out bytes.Buffer
	if status := cli.Main(append(args, "--socket", socket), nil, &out, &out); status != c.status {
		t.Errorf("%q ended with %d, want %d:\n%s", c.args, status, c.status, out.String())
	}
	return prompt(c, strings.ReplaceAll(out.String(), socket, config.DefaultSocket))
}

// prompt puts the command before what it printed, and its exit status behind
// where that is not 0.
func prompt(c shownCommand, out string) string {
	if c.status == 0 {
		return "$ monitor_service " + c.args + "\n" + out
	}
	return fmt.Sprintf("$ monitor_service %s; echo $?\n%s%d\n", c.args, out, c.status)
}
