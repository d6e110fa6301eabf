// Package recovery is the heart of the daemon: it decides what to do about
// the alarms of a poll, takes one process at a time from its first attempt to
// a verdict, sees to it that the alarm is written back, and says why it acted
// or did not. It declares the small interfaces that it needs of the world and
// emits typed events. There is no SQL, no D-Bus, no os/exec and no logging in
// this room.
package recovery

import (
	"context"
	"time"

	"monitor_service/internal/config"
)

// Row is one row of STATUS_PROCESS in alarm, joined with its PROCESE.
type Row struct {
	// ID is process_id.
	ID int64
	// Process is process_name as the database has it: not trusted, and
	// empty where it is NULL. Several rows may carry one name.
	Process string
	// Mark identifies the text of the notes when the row was read. A row
	// whose mark has changed was touched by somebody in the meantime.
	Mark string
}

// Alarm is what the rows of one poll say about one process.
type Alarm struct {
	Process string
	// Rows are the alarmed rows that carry the process's name, by ID.
	Rows []Row
}

// firstID is the lowest process_id of an alarm's rows, 0 where there are none.
func firstID(rows []Row) int64 {
	if len(rows) == 0 {
		return 0
	}
	return rows[0].ID
}

// Alarms is what the engine needs of the alarm database. Every method
// respects the context and has a time limit of its own.
type Alarms interface {
	// Standing reads the alarm's rows again and returns those that are
	// still in alarm and not acknowledged, with fresh marks. None left
	// means that the alarm is over.
	Standing(ctx context.Context, alarm Alarm) ([]Row, error)
	// Clear ends the alarm's rows and notes when the process was
	// restarted, each row only if it is still in alarm, not acknowledged,
	// and its mark is unchanged. It returns how many rows it cleared. An
	// error that wraps ErrReadOnly means that this account may not write.
	Clear(ctx context.Context, alarm Alarm, restartedAt time.Time) (int, error)
}

// Target is what a recovery acts upon, once the strategy is decided.
type Target struct {
	// Strategy is service, process or custom, never auto.
	Strategy config.Strategy
	// Unit is the systemd unit that is restarted or, for strategy custom,
	// that is checked; empty where there is none.
	Unit string
	// Command starts the process (strategy process) or restarts it
	// (strategy custom), with the name filled in.
	Command string
}

// Order is one attempt at one process.
type Order struct {
	Process config.Process
	Target  Target
	// ID is the first process_id of the alarm, 0 where there is no alarm.
	ID int64
	// Attempt counts from 1.
	Attempt int
	// Unsure says that the restart may have been done already, by an
	// attempt of which the end was not seen. A run of the target that is
	// not among those Before it is then the restart.
	Unsure bool
	Before []string
	// Begin is told the runs of the target just before a restart that is
	// not unsure touches it, so that the restart shows as a run that was
	// not among them. There are none where nothing runs, and where the
	// host cannot tell. It is set for Restart alone.
	Begin func(runs []string)
}

// Restarter restarts processes.
type Restarter interface {
	// Resolve decides the strategy and finds the target without touching
	// it. An error of type *Refusal means that the process must not be
	// restarted; any other error is a failure.
	Resolve(ctx context.Context, p config.Process) (Target, error)
	// Prepare runs pre_restart_command, where there is one.
	Prepare(ctx context.Context, o Order) error
	// Restart restarts the target and returns when the restart is done. An
	// error that wraps ErrPermanent will not be better at a second attempt,
	// one that wraps ErrUnsure may come of a restart that was done.
	Restart(ctx context.Context, o Order) error
}

// Checker verifies a restart.
type Checker interface {
	// Check returns nil when the process is healthy, and an error that
	// says what the last check saw when health_check_timeout is over.
	Check(ctx context.Context, o Order) error
	// Watches says that Check does no more than to watch what systemd says
	// of a unit: it runs no command and reads no process table.
	Watches(o Order) bool
}
