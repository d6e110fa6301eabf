package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
)

func (p *program) checkConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check-config",
		Short: "Check the configuration and show what each process will get",
		Long: "Load the configuration as run would, print every mistake at once, warn where the bash daemon\n" +
			"would have read something else, and show what each configured process will get.\n" +
			"Exits 78 when there is a mistake.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			path, err := p.findConfig()
			if err != nil {
				return err
			}
			return exitStatus(checkConfig(path, p.environ, p.stdout, p.stderr))
		},
	}
	p.addConfigFlag(c)
	return c
}

func (p *program) schemaCommand() *cobra.Command {
	var driver string
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print the SQL that creates the tables and their index",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			for _, d := range []config.Driver{config.DriverMySQL, config.DriverSQLite} {
				if strings.EqualFold(driver, d.String()) {
					_, err := fmt.Fprint(p.stdout, alarmdb.Schema(d))
					return err
				}
			}
			p.entered = false // it is a mistake of usage
			return fmt.Errorf("unknown driver %q: mysql and sqlite are known", driver)
		},
	}
	c.Flags().StringVar(&driver, "driver", config.DriverMySQL.String(), "mysql or sqlite")
	return c
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, programName, version())
			return err
		},
	}
}
