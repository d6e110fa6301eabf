// Package control is the daemon's API for its operators: HTTP with JSON on a
// UNIX socket, the server that the daemon runs and the client that the commands
// use. It knows who is asking, bounds what is asked, and leaves to the daemon
// what the answer is: nothing about alarms is decided here.
//
// The types in this file are the API. Their fields are stable: new ones may
// come, those that are there keep their names and their meaning as long as the
// paths begin with /v1.
package control

import (
	"time"

	"monitor_service/internal/history"
)

// State is what a process is doing, for a person. It is one word of these.
type State string

// The states.
const (
	// OK: no alarm, and nothing to remember.
	OK State = "ok"
	// Settling: restarted and verified; an alarm that comes back within
	// stable_time counts as a failure.
	Settling State = "settling"
	// Alarm: in alarm, and not decided about yet.
	Alarm State = "alarm"
	// Queued: its recovery waits for a free place.
	Queued State = "queued"
	// Recovering: its recovery is under way.
	Recovering State = "recovering"
	// Clearing: recovered; its alarm could not be cleared yet.
	Clearing State = "clearing"
	// AwaitingOwner: recovered; whoever raised the alarm has to clear it.
	AwaitingOwner State = "awaiting_owner"
	// Failing: in alarm, and its last recoveries failed.
	Failing State = "failing"
	// Open: its breaker is open.
	Open State = "open"
	// Paused: an operator has paused it.
	Paused State = "paused"
	// Acknowledged: in alarm, and acknowledged in the database (sound = 1).
	Acknowledged State = "acknowledged"
	// LeftAlone: in alarm, and not restarted for the reason in Reason.
	LeftAlone State = "left_alone"
)

// Status is the answer to GET /v1/status.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`
	Config  string    `json:"config"`
	// DryRun says that nothing is touched, ReadOnly that alarms are not
	// cleared by this daemon.
	DryRun   bool     `json:"dry_run"`
	ReadOnly bool     `json:"read_only"`
	Database Database `json:"database"`
	Summary  Summary  `json:"summary"`
	// HTTP is the listener of the status page, missing where it is off.
	HTTP *HTTP `json:"http,omitempty"`
	// Pause is the pause of all processes.
	Pause *Pause `json:"pause,omitempty"`
	// Processes are those that are configured, in alarm, acknowledged,
	// paused, or remembered, by name.
	Processes []Process `json:"processes"`
	// AcknowledgedUnknown says why nothing is known of acknowledged alarms.
	AcknowledgedUnknown string `json:"acknowledged_unknown,omitempty"`
}

// Database is what is known of the alarm database.
type Database struct {
	Name string `json:"name"`
	// Reachable is whether the last poll was answered.
	Reachable     bool    `json:"reachable"`
	CheckInterval float64 `json:"check_interval_seconds"`
	// LastPoll began the last poll that was answered.
	LastPoll  time.Time `json:"last_poll,omitzero"`
	NextPoll  time.Time `json:"next_poll,omitzero"`
	DownSince time.Time `json:"down_since,omitzero"`
	Error     string    `json:"error,omitempty"`
}

// HTTP is the TCP listener of the status page, the metrics and the health
// endpoints.
type HTTP struct {
	// Listen is its address, ":PORT" for all addresses of the host.
	Listen string `json:"listen"`
	// TLS says that it speaks HTTPS.
	TLS bool `json:"tls"`
	// Error is why it is not open, and Since when that began; it is tried
	// again.
	Error string    `json:"error,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// Summary counts processes.
type Summary struct {
	Alarms         int `json:"alarms"`
	Recovering     int `json:"recovering"`
	Queued         int `json:"queued"`
	OpenBreakers   int `json:"open_breakers"`
	OwedWriteBacks int `json:"owed_write_backs"`
	Acknowledged   int `json:"acknowledged"`
	Paused         int `json:"paused"`
}

// Process is what is known of one process.
type Process struct {
	Name string `json:"process"`
	// Configured says that it has a section of its own.
	Configured bool  `json:"configured"`
	State      State `json:"state"`
	// Reason is why it is left alone, a word of the fixed vocabulary.
	Reason       string    `json:"reason,omitempty"`
	InAlarm      bool      `json:"in_alarm"`
	AlarmSince   time.Time `json:"alarm_since,omitzero"`
	Acknowledged bool      `json:"acknowledged"`
	IDs          []int64   `json:"ids,omitempty"`
	// Strategy is what was used last, or what is configured: auto stands for
	// what has not been found out.
	Strategy string `json:"strategy"`
	Unit     string `json:"unit,omitempty"`
	// RecoveringSince is when the recovery under way began, By the operator
	// who asked for it.
	RecoveringSince time.Time         `json:"recovering_since,omitzero"`
	By              string            `json:"by,omitempty"`
	Breaker         Breaker           `json:"breaker"`
	Pause           *Pause            `json:"pause,omitempty"`
	Last            *history.Recovery `json:"last_recovery,omitempty"`
}

// Breaker is the state of a process's circuit breaker.
type Breaker struct {
	// State is closed, open or half-open.
	State       string    `json:"state"`
	Failures    int       `json:"failures"`
	MaxFailures int       `json:"max_failures"`
	OpenedAt    time.Time `json:"opened_at,omitzero"`
	NextTrial   time.Time `json:"next_trial,omitzero"`
	Reason      string    `json:"reason,omitempty"`
	LastError   string    `json:"last_error,omitempty"`
}

// Pause keeps the daemon's hands off a process, or off all.
type Pause struct {
	By    string    `json:"by"`
	Since time.Time `json:"since"`
	// Until is missing where the pause lasts until it is ended.
	Until time.Time `json:"until,omitzero"`
	Why   string    `json:"why,omitempty"`
}

// History is the answer to GET /v1/history.
type History struct {
	// Recoveries are the newest ones, the oldest of them first.
	Recoveries []history.Recovery `json:"recoveries"`
	// Note says what is missing, such as a history that does not survive
	// the daemon.
	Note string `json:"note,omitempty"`
}

// Explanation is the answer to GET /v1/explain: what would happen if the
// process alarmed now, and why.
type Explanation struct {
	Process string `json:"process"`
	// Acts says whether it would be restarted, Verdict the same in a
	// sentence with its reason; Reason is a word of the fixed vocabulary, or
	// the state acknowledged, set where it would not.
	Acts    bool   `json:"acts"`
	Reason  string `json:"reason,omitempty"`
	Verdict string `json:"verdict"`
	// Now is the process as it is.
	Now Process `json:"now"`
	// Section is the section that it gets its settings from, Settings what
	// matters of them, with their origins.
	Section  string    `json:"section"`
	Settings []Setting `json:"settings"`
	// Strategy and Unit are what would be acted upon; Running are the
	// process ids that strategy process would end.
	Strategy  string `json:"strategy,omitempty"`
	Unit      string `json:"unit,omitempty"`
	UnitState string `json:"unit_state,omitempty"`
	Running   []int  `json:"running,omitempty"`
	// Steps are what would be done, in this order, with the commands as they
	// would be run.
	Steps []Step `json:"steps,omitempty"`
	// Stops are what would stop it or hold it up: each a sentence.
	Stops []string `json:"stops,omitempty"`
}

// Setting is one key with the value that the process gets.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Step is one thing that would be done.
type Step struct {
	What    string `json:"what"`
	Command string `json:"command,omitempty"`
	// LimitSeconds is the longest that it may take.
	LimitSeconds float64 `json:"limit_seconds,omitempty"`
}

// Target says which process a change is about: Process, or All of them.
type Target struct {
	Process string `json:"process,omitempty"`
	All     bool   `json:"all,omitempty"`
}

// PauseRequest is the body of POST /v1/pause. Seconds 0 is until resumed.
type PauseRequest struct {
	Target
	Seconds float64 `json:"seconds,omitempty"`
	Why     string  `json:"why,omitempty"`
}

// RestartRequest is the body of POST /v1/restart.
type RestartRequest struct {
	Process string `json:"process"`
	// Force overrides an open breaker and a pause.
	Force bool `json:"force,omitempty"`
}

// Done is the answer to a change.
type Done struct {
	// Changed is false where there was nothing to change.
	Changed bool `json:"changed"`
	// Message says in a sentence what was done.
	Message string `json:"message"`
	// Warning is what the operator should know beside.
	Warning string `json:"warning,omitempty"`
}

// Progress is one line of the answer to POST /v1/restart, which is a JSON
// object a line for each event, and a last one with a Verdict.
type Progress struct {
	At time.Time `json:"at"`
	// Event and Reason are words of the fixed vocabularies, or Event is
	// queued where the recovery waits for a place.
	Event    string  `json:"event,omitempty"`
	Process  string  `json:"process"`
	Strategy string  `json:"strategy,omitempty"`
	Unit     string  `json:"unit,omitempty"`
	Attempt  int     `json:"attempt,omitempty"`
	Attempts int     `json:"attempts,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Error    string  `json:"error,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	// Verdict is set in the last line: succeeded, failed, refused,
	// interrupted, or unknown where the daemon lost track.
	Verdict string `json:"verdict,omitempty"`
	// Message says in words what came of it, in the last line, or what it
	// waits for.
	Message string `json:"message,omitempty"`
}

// ProgressQueued is the Event of a recovery that waits for a place.
const ProgressQueued = "queued"

// The verdicts of a restart.
const (
	VerdictSucceeded   = "succeeded"
	VerdictFailed      = "failed"
	VerdictRefused     = "refused"
	VerdictInterrupted = "interrupted"
	VerdictUnknown     = "unknown"
)

// Names is the answer to GET /v1/processes.
type Names struct {
	Processes []string `json:"processes"`
}

// Error is the body of every answer that is none of the above, in an object
// under the key "error".
type Error struct {
	// Code is one of the codes below.
	Code string `json:"code"`
	// Message is a sentence for a person, lower case.
	Message string `json:"message"`
	// Nearest is the known name that was probably meant.
	Nearest string `json:"nearest,omitempty"`
	// Reason is why the engine refused, a word of the fixed vocabulary.
	Reason string `json:"reason,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// The codes of errors.
const (
	CodeBadRequest     = "bad_request"
	CodeDenied         = "denied"
	CodeUnknownPath    = "unknown_path"
	CodeUnknownProcess = "unknown_process"
	CodeRefused        = "refused"
	CodeTooLarge       = "too_large"
	CodeUnavailable    = "unavailable"
	CodeInternal       = "internal"
)
