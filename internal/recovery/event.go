package recovery

import (
	"time"

	"monitor_service/internal/breaker"
)

// Kind is what an event tells.
type Kind int

// The kinds of events.
const (
	KindUnknown Kind = iota

	// AlarmFound: a process is in alarm that was not in the last poll.
	AlarmFound
	// AlarmGone: the alarm of a process has ended without this daemon's
	// doing.
	AlarmGone
	// NotActing: a process in alarm is left alone; Reason says why. Told
	// once as long as the reason stays.
	NotActing
	// RecoveryStarted: the target is known and the first step follows.
	RecoveryStarted
	// RecoveryResumed takes the place of RecoveryStarted where an earlier
	// recovery is gone on with: one of this daemon whose end was not seen,
	// or one of a daemon that ended in the middle of it.
	RecoveryResumed
	// AttemptFailed: one attempt failed; Err and Reason say how.
	AttemptFailed
	// Restarted: the restart of one attempt is done, its check follows.
	Restarted
	// HealthPassed: the check has passed.
	HealthPassed
	// RecoverySucceeded: the process is restarted and verified.
	RecoverySucceeded
	// RecoveryFailed: all attempts failed; Err and Reason say how.
	RecoveryFailed
	// RecoveryInterrupted: the daemon stops in the middle of a recovery.
	RecoveryInterrupted
	// RecoveryPostponed: what it takes went out of reach in the middle of a
	// recovery. A later poll goes on with it, and the breaker counts nothing.
	RecoveryPostponed
	// Cleared: the alarm was cleared and the note written.
	Cleared
	// Superseded: the restart was verified, but the alarm's rows were
	// touched in the meantime and are left as they are.
	Superseded
	// WriteBackFailed: the alarm could not be cleared; it is tried again.
	WriteBackFailed
	// WriteBackRefused: the account may not write; read-only from now on.
	WriteBackRefused
	// Flapped: the alarm came back within stable_time.
	Flapped
	// NotClearedInTime: nobody cleared the alarm within clear_timeout.
	NotClearedInTime
	// BreakerOpened, BreakerHalfOpen and BreakerClosed are the breaker's
	// transitions; Breaker is its state after them.
	BreakerOpened
	BreakerHalfOpen
	BreakerClosed
	// HandoverFailed and HandoverWorks are the two ends of a time in which
	// what a successor of this daemon has to know cannot be kept; Took is its
	// length.
	HandoverFailed
	HandoverWorks
	// CapReached: more alarms in one poll than max_restarts_per_cycle;
	// Count is how many wait.
	CapReached
	// DatabaseLost and DatabaseBack are the two ends of an outage; Took is
	// its length.
	DatabaseLost
	DatabaseBack
	// SystemdLost and SystemdBack are the two ends of a time in which the
	// message bus cannot be reached; Took is its length.
	SystemdLost
	SystemdBack
	// OperatorRestart, OperatorReset, OperatorPause, OperatorResume and
	// OperatorPoll: an operator, who is in By, asked for it and it was
	// granted. An empty process means all of them.
	OperatorRestart
	OperatorReset
	OperatorPause
	OperatorResume
	OperatorPoll
	// OperatorRefused: somebody who may not do so asked for a change.
	OperatorRefused

	numKinds
)

var kindNames = [numKinds]string{
	KindUnknown:         "unknown",
	AlarmFound:          "alarm_found",
	AlarmGone:           "alarm_gone",
	NotActing:           "not_acting",
	RecoveryStarted:     "recovery_started",
	RecoveryResumed:     "recovery_resumed",
	AttemptFailed:       "attempt_failed",
	Restarted:           "restarted",
	HealthPassed:        "health_passed",
	RecoverySucceeded:   "recovery_succeeded",
	RecoveryFailed:      "recovery_failed",
	RecoveryInterrupted: "recovery_interrupted",
	RecoveryPostponed:   "recovery_postponed",
	Cleared:             "alarm_cleared",
	Superseded:          "write_back_superseded",
	WriteBackFailed:     "write_back_failed",
	WriteBackRefused:    "write_back_refused",
	Flapped:             "flapped",
	NotClearedInTime:    "not_cleared",
	BreakerOpened:       "breaker_opened",
	BreakerHalfOpen:     "breaker_half_open",
	BreakerClosed:       "breaker_closed",
	HandoverFailed:      "handover_failed",
	HandoverWorks:       "handover_works",
	CapReached:          "cap_reached",
	DatabaseLost:        "database_lost",
	DatabaseBack:        "database_back",
	SystemdLost:         "systemd_lost",
	SystemdBack:         "systemd_back",
	OperatorRestart:     "restart_requested",
	OperatorReset:       "breaker_reset",
	OperatorPause:       "paused",
	OperatorResume:      "resumed",
	OperatorPoll:        "poll_requested",
	OperatorRefused:     "request_refused",
}

func (k Kind) String() string {
	if k < 0 || k >= numKinds {
		return "unknown"
	}
	return kindNames[k]
}

// Event is one thing that happened. Fields that do not belong to its kind are
// zero.
type Event struct {
	Kind    Kind
	At      time.Time
	Process string
	// IDs are the process_ids of the alarm.
	IDs    []int64
	Target Target
	// Attempt counts from 1; Attempts is max_attempts.
	Attempt, Attempts int
	Reason            Reason
	Err               error
	// Took is how long the thing took that the event ends.
	Took time.Duration
	// Trial says that the recovery is a half-open breaker's trial.
	Trial   bool
	Breaker breaker.Snapshot
	Count   int
	// Recovery numbers the recoveries of this engine, from 1: it is the one
	// that the event belongs to, or the process's last one before it.
	Recovery uint64
	// By is the operator who asked for the recovery or for the change.
	By Operator
	// Until is the end of a pause, zero where it has none. Why is what the
	// operator said it is for.
	Until time.Time
	Why   string
}

// Operator is who asks the daemon for something over its control socket, by
// the kernel's word. The zero value is nobody.
type Operator struct {
	// Name is the user's name, or "uid 1000" where the host does not know
	// one. It is never empty.
	Name string
	UID  uint32
	PID  int32
}

// IsSet says whether there is an operator.
func (o Operator) IsSet() bool { return o.Name != "" }
