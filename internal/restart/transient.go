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
	// unit. killGrace is the part of it in which it may do so by itself, by the
	// unit's TimeoutStopSec. settleLook is how often a started unit is looked at.
	stopGrace  = 10 * time.Second
	killGrace  = time.Second
	settleLook = 50 * time.Millisecond
	// leastStop is the shortest TimeoutStopSec of a unit. To systemd 0 is no
	// limit at all, and it gives a killed process no longer to die than it gave
	// it to end by itself (systemd.service(5)): after that it forgets it.
	leastStop = 100 * time.Millisecond
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
		StopTimeout:      unitStopTimeout(o.Process.StopLimit()),
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

// unitStopTimeout is the TimeoutStopSec of a unit whose processes have this
// long to end.
func unitStopTimeout(patience time.Duration) time.Duration { return max(patience, leastStop) }

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
		if err := r.stopWithin(ctx, unit, patience+killGrace); err != nil && !errors.Is(err, systemd.ErrNoSuchUnit) {
			return err
		}
	}
	// A failed unit would keep its name taken.
	return r.units.ResetFailed(ctx, unit)
}

// stopWithin stops the unit and kills what is left of it when the time is over.
// The unit's own TimeoutStopSec may be longer: it is as long as stop_timeout was
// when the unit was started.
func (r *Restarter) stopWithin(ctx context.Context, unit string, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := r.units.Stop(limited, unit)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	killErr := r.units.Kill(ctx, unit)
	// The job goes on, and systemd makes one of it and of this.
	if err := r.units.Stop(ctx, unit); err != nil {
		return errors.Join(err, killErr)
	}
	return nil
}
