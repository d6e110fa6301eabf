package systemd

import (
	"context"
	"fmt"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
)

// Names returns the loaded units whose names match a pattern of glob(7).
func (c *Client) Names(ctx context.Context, pattern string) ([]string, error) {
	var units []sdbus.UnitStatus
	err := c.call(ctx, func(ctx context.Context, l *link) (err error) {
		units, err = l.conn.ListUnitsByPatternsContext(ctx, nil, []string{pattern})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list units %q: %w", pattern, err)
	}
	names := make([]string, 0, len(units))
	for _, u := range units {
		names = append(names, u.Name)
	}
	return names, nil
}
