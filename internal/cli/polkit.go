package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"monitor_service/internal/config"
	"monitor_service/internal/polkit"
	"monitor_service/internal/restart"
	"monitor_service/internal/systemd"
)

// namesLimit bounds asking systemd for the names of units.
const namesLimit = 10 * time.Second

func (p *program) polkitRulesCommand() *cobra.Command {
	var user string
	c := &cobra.Command{
		Use:   "polkit-rules",
		Short: "Print the polkit rules for running without root",
		Long: "Print the rules that let an unprivileged daemon restart the units that the configuration names,\n" +
			"and nothing else. They belong into /etc/polkit-1/rules.d/50-monitor_service.rules, and are to be\n" +
			"written anew when the configuration names other units. What cannot work without root is said on stderr.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := p.findConfig()
			if err != nil {
				return err
			}
			cfg, _, err := config.Load(path, p.environ)
			if err != nil {
				return err
			}
			return p.polkitRules(c.Context(), cfg, user)
		},
	}
	p.addConfigFlag(c)
	c.Flags().StringVar(&user, "user", polkit.User, "the user that the daemon runs as")
	return c
}

func (p *program) polkitRules(ctx context.Context, cfg *config.Config, user string) error {
	units := unitsOf(cfg, p.stderr)
	if systemd.Booted() {
		client := systemd.NewClient()
		defer client.Close()
		units = canonical(ctx, client, units, p.stderr)
	}
	rules, err := polkit.Rules(user, units)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "// Written by \"monitor_service polkit-rules\" from %s.\n%s", printable(cfg.Path), rules)
	return err
}

// unitsOf is the units that the configuration names. It warns of what would
// need root.
func unitsOf(cfg *config.Config, warnings io.Writer) []string {
	var units []string
	for _, name := range cfg.ProcessNames() {
		process := cfg.Process(name)
		unit := restart.UnitOf(process)
		if unit == "" {
			_, _ = fmt.Fprintf(warnings, "warning: [process.%s] has strategy %s and names no unit that can be restarted without root\n",
				printable(name), process.Strategy)
			continue
		}
		units = append(units, unit)
	}
	if cfg.Monitor.Unconfigured != config.UnconfiguredIgnore {
		_, _ = fmt.Fprintln(warnings, "warning: processes without a section will be refused: give each its section, or set unconfigured_processes = ignore")
	}
	return units
}

// resolver tells what systemd knows of a unit, by any of its names.
type resolver interface {
	Unit(ctx context.Context, name string) (systemd.Unit, error)
}

// canonical replaces aliases by the names that systemd itself has for units:
// those are what it tells polkit. The daemon's own unit is left out, by
// whatever name it was called.
func canonical(ctx context.Context, client resolver, units []string, warnings io.Writer) []string {
	ctx, cancel := context.WithTimeout(ctx, namesLimit)
	defer cancel()
	names := make([]string, 0, len(units))
	for _, unit := range units {
		name := unit
		switch u, err := client.Unit(ctx, unit); {
		case err != nil:
			_, _ = fmt.Fprintf(warnings, "warning: if %s is an alias, the rules need its real name: %v\n", unit, err)
		case u.LoadState == systemd.LoadNotFound:
			_, _ = fmt.Fprintf(warnings, "warning: systemd does not know %s\n", unit)
		case u.ID != "":
			name = u.ID
		}
		if name == config.DaemonUnit {
			_, _ = fmt.Fprintf(warnings, "warning: %s is the daemon's own unit, which it never restarts\n", unit)
			continue
		}
		names = append(names, name)
	}
	return names
}
