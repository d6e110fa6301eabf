package control

import "monitor_service/internal/history"

// Meaning is a word of the API and what it says.
type Meaning struct{ Word, Text string }

// States lists the states of a process, what needs somebody most first.
func States() []Meaning {
	return []Meaning{
		{string(Open), "its breaker is open: left alone until its next trial"},
		{string(Failing), "in alarm; its last recoveries failed, its breaker is still closed"},
		{string(LeftAlone), "in alarm, and refused for the reason in `reason`"},
		{string(AwaitingOwner), "recovered; whoever raised its alarm has to clear it (read-only)"},
		{string(Clearing), "recovered; its alarm could not be cleared yet"},
		{string(Recovering), "its recovery is under way"},
		{string(Queued), "its recovery waits for one of max_parallel_restarts"},
		{string(Alarm), "in alarm, not decided about yet"},
		{string(Paused), "an operator has paused it"},
		{string(Acknowledged), "in alarm, and acknowledged in the database (sound = 1): left alone"},
		{string(Settling), "restarted and verified; an alarm within stable_time counts as a failure"},
		{string(OK), "no alarm"},
	}
}

// Outcomes lists the outcomes of a recovery.
func Outcomes() []Meaning {
	return []Meaning{
		{string(history.Running), "it has not ended yet"},
		{string(history.Succeeded), "restarted and verified; `afterwards` says what became of the alarm, and whether it held"},
		{string(history.Failed), "every attempt failed, or none could be made: `reason`, `error`"},
		{string(history.Interrupted), "the daemon was stopped, or could not reach systemd any more, before its end"},
	}
}
