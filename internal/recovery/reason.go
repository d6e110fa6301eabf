package recovery

import (
	"errors"
	"slices"
)

// ErrReadOnly is wrapped by an error of Alarms.Clear that says that this
// account may not write: no later write will be allowed either.
var ErrReadOnly = errors.New("the database account may not write")

// ErrPermanent is wrapped by an error of Restarter.Restart that a second
// attempt cannot mend.
var ErrPermanent = errors.New("permanent")

// Reason says why a process was not restarted, or why a recovery failed. The
// vocabulary is fixed: logs, status and tests share it.
type Reason int

// The reasons for not acting, then the reasons for a failed recovery.
const (
	ReasonNone Reason = iota

	// ReasonRunning: a recovery of this process is under way.
	ReasonRunning
	// ReasonQueued: the process waits for a free place among the
	// max_parallel_restarts.
	ReasonQueued
	// ReasonBreakerOpen: the breaker is open until its next trial.
	ReasonBreakerOpen
	// ReasonWriteBack: the restart was verified and its write-back is
	// still being tried.
	ReasonWriteBack
	// ReasonNotYetCleared: the restart was verified, this daemon may not
	// write, and whoever raised the alarm has not cleared it yet.
	ReasonNotYetCleared
	// ReasonCap: max_restarts_per_cycle is used up in this poll.
	ReasonCap
	// ReasonIgnored: the process has no section and unconfigured_processes
	// is ignore.
	ReasonIgnored
	// ReasonNoName: the row has no process name.
	ReasonNoName
	// ReasonUnsafeName: the name may not become part of a command or of a
	// unit's name, and its section does not spell everything out.
	ReasonUnsafeName
	// ReasonProtected: the unit is protected and the process has no
	// section of its own.
	ReasonProtected
	// ReasonOwnUnit: the unit is this daemon's own.
	ReasonOwnUnit
	// ReasonNotAService: the unit is of another kind than service, and the
	// process's section does not name it.
	ReasonNotAService
	// ReasonMasked: the unit is masked.
	ReasonMasked
	// ReasonNoUnit: strategy service, and systemd does not know the unit.
	ReasonNoUnit
	// ReasonBadUnit: systemd knows the unit and cannot load it.
	ReasonBadUnit
	// ReasonForeignUnit: the process runs in units of other names, and
	// which of them to restart, if any, is not clear.
	ReasonForeignUnit
	// ReasonDryRun: dry_run is on.
	ReasonDryRun
	// ReasonPaused: an operator has paused the process, or all of them.
	ReasonPaused
	// ReasonStopping: the daemon is stopping.
	ReasonStopping
	// ReasonAway: systemd cannot be reached.
	ReasonAway

	// ReasonResolve: it could not be found out what to restart.
	ReasonResolve
	// ReasonPreRestart: pre_restart_command failed.
	ReasonPreRestart
	// ReasonRestart: the restart itself failed.
	ReasonRestart
	// ReasonHealthCheck: the restart was done, and the check never passed.
	ReasonHealthCheck
	// ReasonFlapping: the alarm came back within stable_time of a verified
	// restart.
	ReasonFlapping
	// ReasonNotCleared: nobody cleared the alarm within clear_timeout of a
	// verified restart.
	ReasonNotCleared

	numReasons
)

var reasonNames = [numReasons]string{
	ReasonNone:          "none",
	ReasonRunning:       "running",
	ReasonQueued:        "queued",
	ReasonBreakerOpen:   "breaker_open",
	ReasonWriteBack:     "write_back_pending",
	ReasonNotYetCleared: "not_yet_cleared",
	ReasonCap:           "max_restarts_per_cycle",
	ReasonIgnored:       "unconfigured",
	ReasonNoName:        "no_name",
	ReasonUnsafeName:    "unsafe_name",
	ReasonProtected:     "protected_unit",
	ReasonOwnUnit:       "own_unit",
	ReasonNotAService:   "not_a_service",
	ReasonMasked:        "masked",
	ReasonNoUnit:        "no_such_unit",
	ReasonBadUnit:       "bad_unit",
	ReasonForeignUnit:   "foreign_unit",
	ReasonDryRun:        "dry_run",
	ReasonPaused:        "paused",
	ReasonStopping:      "stopping",
	ReasonAway:          "systemd_unreachable",
	ReasonResolve:       "resolve_failed",
	ReasonPreRestart:    "pre_restart_failed",
	ReasonRestart:       "restart_failed",
	ReasonHealthCheck:   "health_check_failed",
	ReasonFlapping:      "flapping",
	ReasonNotCleared:    "not_cleared",
}

func (r Reason) String() string {
	if r < 0 || r >= numReasons {
		return "unknown"
	}
	return reasonNames[r]
}

// isRefusal says that the target itself must not be restarted, which is found
// out only when its recovery begins.
func (r Reason) isRefusal() bool {
	return slices.Contains([]Reason{
		ReasonProtected, ReasonOwnUnit, ReasonNotAService, ReasonMasked, ReasonNoUnit, ReasonBadUnit,
		ReasonForeignUnit, ReasonUnsafeName, ReasonDryRun,
	}, r)
}

// Refusal is the error of a Restarter that must not restart a process. A
// refusal touches nothing and is not counted by the breaker.
type Refusal struct {
	Reason Reason
	// Detail is a whole sentence, lower case, that names the object and
	// the way out.
	Detail string
}

func (r *Refusal) Error() string { return r.Detail }
