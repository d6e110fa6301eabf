package restart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

const (
	processPrefix = "monitored-"
	// maxUnitStem bounds a unit's name without prefix, number and suffix:
	// the whole may have 255 bytes (systemd.unit(5)).
	maxUnitStem = 200
	// stopGrace is the time beyond stop_timeout that systemd gets to stop a
	// unit, and settleLook how often a started one is looked at.
	stopGrace  = 10 * time.Second
	settleLook = 50 * time.Millisecond
	// existsPatience is how long a unit of the same name may take to be
	// forgotten after it has ended: systemd collects units when it is idle.
	existsPatience = 5 * time.Second
)

// processUnit is the transient unit that a process is started in.
func processUnit(name string) string { return processPrefix + unitStem(name) + serviceSuffix }

// unitStem makes a bounded part of a unit's name from any name. A name that is
// cut is told from others with the same beginning by its hash.
func unitStem(name string) string {
	stem := systemd.UnitNameEscape(name)
	if len(stem) <= maxUnitStem {
		return stem
	}
	sum := sha256.Sum256([]byte(name))
	return stem[:maxUnitStem-17] + "-" + hex.EncodeToString(sum[:8])
}

// journalName is the name under which a process's output is found.
func journalName(name string) string {
	if config.SafeName(name) {
		return name
	}
	return processPrefix + unitStem(name)
}

func shell(line string) []string { return []string{command.Shell, "-c", systemd.Literal(line)} }

// startUnit starts the process in a transient unit and watches its first
// moments. The unit stays active when the command ends with status 0: it has
// put itself into the background, and the health check looks for it there.
// A command that fails takes the unit with it.
func (r *Restarter) startUnit(ctx context.Context, o recovery.Order) error {
	unit := processUnit(o.Process.Name)
	begun := time.Now()
	err := r.startTransient(ctx, systemd.Transient{
		Name:             unit,
		Description:      "Process " + plain(o.Process.Name) + ", started by monitor_service",
		Command:          shell(o.Target.Command),
		User:             o.Process.RunAs,
		WorkingDirectory: workingDirectory(o.Process),
		Environment:      command.Variables(o.Process.Name, o.ID, o.Attempt),
		SyslogIdentifier: journalName(o.Process.Name),
		StopTimeout:      o.Process.StopTimeout,
	})
	if err != nil {
		return endingOf(ctx, unit, begun).explain(fmt.Errorf("start_command: %w", err))
	}
	settled := time.NewTimer(r.settle)
	defer settled.Stop()
	look := time.NewTicker(settleLook)
	defer look.Stop()
	for {
		u, err := r.units.Unit(ctx, unit)
		switch {
		case err != nil:
			// It was started. The health check says what became of it.
			return nil //nolint:nilerr // see above
		case u.LoadState == systemd.LoadNotFound,
			u.ActiveState == systemd.StateFailed,
			u.ActiveState == systemd.StateInactive,
			u.ActiveState == systemd.StateDeactivating:
			err := fmt.Errorf("start_command ended with an error right after its start, in unit %q", unit)
			return endingOf(ctx, unit, begun).explain(err)
		case u.SubState == "exited":
			return nil
		}
		select {
		case <-settled.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// startTransient starts a unit, waiting for an ended one of the same name to
// be forgotten.
func (r *Restarter) startTransient(ctx context.Context, t systemd.Transient) error {
	patience := time.NewTimer(existsPatience)
	defer patience.Stop()
	look := time.NewTicker(unitLook)
	defer look.Stop()
	for {
		err := r.units.StartTransient(ctx, t)
		if !errors.Is(err, systemd.ErrUnitExists) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-patience.C:
			return err
		case <-look.C:
		}
	}
}

// stopUnit stops a transient unit and all that runs in it, where there is one.
func (r *Restarter) stopUnit(ctx context.Context, unit string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience+stopGrace)
	defer cancel()
	u, err := r.units.Unit(ctx, unit)
	if err != nil {
		return err
	}
	if u.LoadState == systemd.LoadNotFound {
		return nil
	}
	if u.HasJob || u.ActiveState != systemd.StateInactive && u.ActiveState != systemd.StateFailed {
		if err := r.units.Stop(ctx, unit); err != nil && !errors.Is(err, systemd.ErrNoSuchUnit) {
			return err
		}
	}
	// A failed unit would keep its name taken.
	return r.units.ResetFailed(ctx, unit)
}
