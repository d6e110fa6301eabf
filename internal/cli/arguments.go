package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

// noArguments is for a command that is told everything by its flags.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is too much: %s takes no argument", args[0], c.CommandPath())
	}
	return nil
}

// oneName is for a command that is about one process.
func oneName(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which process? name one: %s NAME", c.CommandPath())
	}
	return nameOrNothing(c, args)
}

// nameOrNothing is for a command that is about one process, or all of them.
func nameOrNothing(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("one process at a time, not %d", len(args))
	}
	return nil
}

// count is a flag that says how many are wanted.
type count int

// Set implements pflag.Value.
func (n *count) Set(text string) error {
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil || v < 1 {
		return errors.New("a whole number is wanted, at least 1")
	}
	*n = count(v)
	return nil
}

// String implements pflag.Value.
func (n *count) String() string { return strconv.Itoa(int(*n)) }

// Type implements pflag.Value: what help shows for the value.
func (*count) Type() string { return "int" }
