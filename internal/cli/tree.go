package cli

import (
	"io"

	"github.com/spf13/cobra"
)

// Tree is all commands, for whoever writes manual pages and completions from
// them. It is not meant to be run: Main is.
func Tree() *cobra.Command {
	p := &program{stdout: io.Discard, stderr: io.Discard}
	return p.command()
}
