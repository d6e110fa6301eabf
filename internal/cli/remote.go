package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"monitor_service/internal/config"
	"monitor_service/internal/control"
)

// completionTime bounds the wait of a person who has pressed the tab key.
const completionTime = time.Second

// remote makes a command that talks to the daemon.
func (p *program) remote(c *cobra.Command, do func(ctx context.Context, client *control.Client, args []string) error) *cobra.Command {
	c.Flags().StringVar(&p.socketPath, "socket", "",
		"the daemon's control socket (default: [control] socket of the configuration, else "+config.DefaultSocket+")")
	c.Flags().StringVarP(&p.configPath, "config", "c", "", "configuration file to look for the socket's path in")
	c.RunE = func(c *cobra.Command, args []string) error {
		path, err := p.socket()
		if err != nil {
			return err
		}
		// Ctrl-C ends the waiting, and nothing else.
		ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		client := control.NewClient(path)
		defer client.Close()
		err = do(ctx, client, args)
		var answer *control.Error
		if errors.As(err, &answer) && answer.Nearest != "" {
			return fmt.Errorf("%w; did you mean %q?", err, answer.Nearest)
		}
		return err
	}
	return c
}

// socket is where the daemon's socket is. The configuration may be for root's
// eyes only, which must not keep a member of the group from using the socket
// in its usual place.
func (p *program) socket() (string, error) {
	if p.socketPath != "" {
		return p.socketPath, nil
	}
	path, err := p.findConfig()
	if err == nil {
		var cfg *config.Config
		if cfg, _, err = config.Load(path, p.environ); err == nil {
			if cfg.Control.Socket == "" {
				return "", fmt.Errorf("the daemon has no control socket: [control] socket = none in %q", path)
			}
			return cfg.Control.Socket, nil
		}
	}
	if p.configPath != "" {
		return "", err // a file that was named has to be right
	}
	if socket := variable(p.environ, "MONITOR_SERVICE_CONTROL_SOCKET"); strings.HasPrefix(socket, "/") {
		return socket, nil
	}
	return config.DefaultSocket, nil
}

// completeName completes the name of a process: from the daemon, else from the
// configuration.
func (p *program) completeName(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	names := p.namesOfDaemon(ctx)
	if names == nil {
		if path, err := p.findConfig(); err == nil {
			if cfg, _, err := config.Load(path, p.environ); err == nil {
				names = cfg.ProcessNames()
			}
		}
	}
	// A shell is not told of a name that it would have to quote.
	names = slices.DeleteFunc(names, func(n string) bool { return !config.SafeName(n) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (p *program) namesOfDaemon(ctx context.Context) []string {
	path, err := p.socket()
	if err != nil {
		return nil
	}
	client := control.NewClient(path)
	defer client.Close()
	names, err := client.Names(ctx)
	if err != nil {
		return nil
	}
	return names
}

// printJSON writes what the daemon answered, for programs.
func (p *program) printJSON(v any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// nameOrAll are the arguments of a command that is about one process, or with
// --all about all of them.
func nameOrAll(all *bool) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case *all && len(args) > 0:
			return errors.New("both a process and --all")
		case !*all && len(args) == 0:
			return errors.New("which process? name one, or --all")
		case len(args) > 1:
			return fmt.Errorf("one process at a time, not %d", len(args))
		}
		return nil
	}
}

func target(args []string, all bool) control.Target {
	if all {
		return control.Target{All: true}
	}
	return control.Target{Process: args[0]}
}

// first is the first argument, or nothing.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
