package cli

import (
	"context"

	"github.com/spf13/cobra"

	"monitor_service/internal/control"
)

func (p *program) explainCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain NAME",
		Short: "Say what would happen if a process alarmed now, and why",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: p.completeName,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for programs")
	return p.remote(c, func(ctx context.Context, client *control.Client, args []string) error {
		e, err := client.Explain(ctx, args[0])
		if err != nil {
			return err
		}
		return p.printJSON(e)
	})
}
