// Package cli is the command line: commands, flags, signals and exit codes. It
// is the only package that knows os.Args, signals and exit statuses. What a
// command does is written elsewhere.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/daemon"
)

// The exit statuses.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitAbsent  = 3  // the daemon is not running
	exitConfig  = 78 // EX_CONFIG of sysexits.h; the unit file does not restart on it
	programName = "monitor_service"
)

// exitStatus is the error of a command that has said everything itself and
// leaves only its exit status to be returned.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// program is one run of the command line.
type program struct {
	environ        []string
	stdout, stderr io.Writer
	configPath     string
	socketPath     string
	// entered says that the command line was understood: what fails after
	// that is no mistake of usage.
	entered bool
}

// Main runs the command line and returns the exit status.
func Main(args, environ []string, stdout, stderr io.Writer) int {
	p := &program{environ: environ, stdout: stdout, stderr: stderr}
	root := p.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(context.Background())
	return p.status(c, err)
}

// status says what went wrong in a command, and returns the exit status.
func (p *program) status(c *cobra.Command, err error) int {
	var mistakes config.Mistakes
	var status exitStatus
	var answer *control.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return int(status)
	case !p.entered:
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\nTry '%s --help'.\n", programName, err, c.CommandPath())
		return exitUsage
	case errors.As(err, &answer) && answer.Code == control.CodeBadRequest: // what this end cannot know to be wrong
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\n", programName, err)
		return exitUsage
	case errors.Is(err, control.ErrNotRunning):
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\n", programName, err)
		return exitAbsent
	case errors.As(err, &mistakes), errors.Is(err, errConfig), errors.Is(err, daemon.ErrSettings):
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\n", programName, err)
		return exitConfig
	}
	_, _ = fmt.Fprintf(p.stderr, "%s: %v\n", programName, err)
	return exitFailed
}

// errConfig marks an error of the configuration that is not a list of
// mistakes, such as a file that is not there.
var errConfig = errors.New("configuration")

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   programName,
		Short: "Restart the processes that are in alarm in a database",
		Long: "monitor_service polls a MySQL or SQLite database for processes in alarm, restarts each of them\n" +
			"within the bounds of a circuit breaker, verifies the restart, clears the alarm, and says why.\n\n" +
			"\"run\" is that daemon. The commands status, history, explain, restart, reset, pause, resume and check-now\n" +
			"ask it over its control socket, as root or as a member of the group " + control.Group + ".",
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: func(*cobra.Command, []string) { p.entered = true },
		RunE:             func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(p.statusCommand(), p.historyCommand(), p.explainCommand(), p.restartCommand(), p.resetCommand(),
		p.pauseCommand(), p.resumeCommand(), p.checkNowCommand())
	root.AddCommand(p.runCommand(), p.checkConfigCommand(), p.schemaCommand(), p.demoCommand(), p.polkitRulesCommand(), p.versionCommand())
	addExitStatuses(root, p.stdout)
	return root
}

func (p *program) addConfigFlag(c *cobra.Command) {
	c.Flags().StringVarP(&p.configPath, "config", "c", "",
		"configuration file (default: $"+config.PathVariable+", "+strings.Join(config.UsualPlaces(), ", ")+")")
}

func (p *program) findConfig() (string, error) {
	path, err := config.Find(p.configPath, p.environ)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errConfig, err)
	}
	return path, nil
}
