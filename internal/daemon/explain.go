package daemon

import (
	"context"

	"monitor_service/internal/control"
)

// Explain implements control.Daemon.
func (k *desk) Explain(ctx context.Context, process string) (control.Explanation, error) {
	if err := k.known(ctx, process); err != nil {
		return control.Explanation{}, err
	}
	return control.Explanation{Process: process}, nil
}
