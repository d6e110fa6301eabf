package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
)

// getentTimeout bounds asking the host's directory services for a user.
const getentTimeout = 10 * time.Second

// hostWarnings are warnings of what the configuration names and this host does
// not have. They are no mistakes: the configuration may be for another host, or
// the user be made later.
func hostWarnings(c *config.Config) []config.Warning {
	var warnings []config.Warning
	told := make(map[config.Origin]bool) // several processes may inherit one
	known := make(map[string]bool)
	// No process has an empty name: that one gets what is inherited.
	for _, name := range append(c.ProcessNames(), "") {
		p := c.Process(name)
		o := c.ProcessOrigin(name, "run_as")
		starts := p.Strategy == config.StrategyProcess || p.Strategy == config.StrategyAuto
		if p.RunAs == "" || !starts || told[o] {
			continue
		}
		told[o] = true
		ok, asked := known[p.RunAs]
		if !asked {
			ok = isUser(p.RunAs)
			known[p.RunAs] = ok
		}
		if !ok {
			warnings = append(warnings, config.Warning{
				File: o.File, Line: o.Line, Section: o.Section, Key: "run_as",
				Text: fmt.Sprintf("this host has no user %q: the process cannot be started", p.RunAs),
			})
		}
	}
	return warnings
}

// getentNotFound is the status of getent(1) for what is in no database.
const getentNotFound = 2

// isUser says whether a process can be started as this user. getent(1) is asked for who is not in /etc/passwd: a directory
// service's users are known to the C library alone. Where it cannot be asked,
// nothing is known against the user.
func isUser(name string) bool {
	if _, err := user.Lookup(name); err == nil {
		return true
	}
	_, err := command.Run(context.Background(), command.Spec{Args: []string{"getent", "passwd", "--", name}, Timeout: getentTimeout})
	var failed *command.Error
	return !errors.As(err, &failed) || failed.Kind != command.KindExit || failed.Status != getentNotFound
}
