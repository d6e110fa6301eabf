package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"monitor_service/internal/config"
)

// Section is a part of the manual that is about the program as a whole.
type Section struct {
	Title   string
	Entries []Entry
}

// Entry is one thing that a section explains. Its Text goes on after the Term,
// and has no full stop.
type Entry struct{ Term, Text string }

// Manual is what there is to know beside the commands. The help, the manual
// page and the README take it from here.
func Manual() []Section {
	return []Section{ExitStatuses(), signals(), environment(), files()}
}

// ExitStatuses are those of every command.
func ExitStatuses() Section {
	status := func(n int, text string) Entry { return Entry{strconv.Itoa(n), text} }
	return Section{"Exit status", []Entry{
		status(exitDone, "done"),
		status(exitFailed, "failed, refused, or no permission"),
		status(exitUsage, "wrong usage"),
		status(exitAbsent, "the daemon is not running"),
		status(exitConfig, "the configuration has mistakes, or is not there"),
	}}
}

// Commands lists what the program can do.
func Commands() Section {
	s := Section{Title: "Commands"}
	root := Tree()
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand() {
			use := strings.TrimPrefix(c.UseLine(), root.Name()+" ")
			s.Entries = append(s.Entries, Entry{Term: strings.TrimSuffix(use, " [flags]"), Text: c.Short})
		}
	}
	return s
}

// signals are those of run.
func signals() Section {
	return Section{"Signals", []Entry{
		{"SIGTERM, SIGINT", "stop the daemon: recoveries under way are finished or ended cleanly"},
		{"SIGHUP", "reloads the configuration; one with mistakes is reported, and the old one stays"},
		{"SIGUSR1", "polls the database now"},
	}}
}

func environment() Section {
	return Section{"Environment", []Entry{
		{config.PathVariable, "the configuration file, where --config does not name one"},
		{config.VariablePrefix + "SECTION_KEY", "overrides a key of the configuration, such as " +
			config.VariablePrefix + "DATABASE_HOST; not those of processes"},
		{noColor, "without colours on a terminal, if it is not empty"},
		{"CREDENTIALS_DIRECTORY", "set by systemd for run: credentials db_password, smtp_password and webhook_url"},
		{"STATE_DIRECTORY, RUNTIME_DIRECTORY", "set by systemd for run: where state and lock are kept"},
	}}
}

func files() Section {
	var f []Entry
	for _, path := range config.UsualPlaces() {
		f = append(f, Entry{path, "the configuration, the first that is there"})
	}
	return Section{"Files", append(f,
		Entry{"/etc/sysconfig/monitor_service", "variables for the daemon's environment, one a line"},
		Entry{config.DefaultSocket, "the control socket, for root and the group monitor_service"},
		Entry{config.DefaultLogFile, "the log, beside the journal"},
		Entry{"/var/lib/monitor_service", "what survives a restart of the daemon: pauses, history, recoveries under way"},
		Entry{"/usr/share/doc/monitor_service", "README.md with every key of the configuration, COMMANDS.md with what each command prints"},
		Entry{"/usr/share/monitor_service", "alert rules, a dashboard, the drop-in for running without root"},
	)}
}

// sentence puts a section on one line.
func (s Section) sentence() string {
	parts := make([]string, len(s.Entries))
	for i, e := range s.Entries {
		text, _, _ := strings.Cut(e.Text, ";")
		text, _, _ = strings.Cut(text, ":")
		parts[i] = e.Term + " " + text
	}
	return s.Title + ": " + strings.Join(parts, "; ")
}

// addExitStatuses ends the help of every command with them.
func addExitStatuses(root *cobra.Command, out io.Writer) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		help(c, args)
		_, _ = fmt.Fprintf(out, "\n%s.\n", ExitStatuses().sentence())
	})
}
