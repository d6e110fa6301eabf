package logging

import (
	"monitor_service/internal/recovery"
)

// The attributes of the events.
const (
	keyEvent     = "event"
	keyProcess   = "process"
	keyIDs       = "ids"
	keyStrategy  = "strategy"
	keyUnit      = "unit"
	keyAttempt   = "attempt"
	keyAttempts  = "attempts"
	keyTrial     = "trial"
	keyReason    = "reason"
	keyError     = "error"
	keyTook      = "took"
	keyCount     = "count"
	keyBreaker   = "breaker"
	keyFailures  = "failures"
	keyNextTrial = "next_trial"
	keyBy        = "by"
	keyUID       = "uid"
	keyPID       = "pid"
	keyUntil     = "until"
	keyWhy       = "why"
)

// Word is one attribute of the events.
type Word struct {
	// Key is its name in the file, Field in the journal.
	Key, Field string
	Meaning    string
}

// Vocabulary lists the attributes of the events in the order in which they
// stand in a line. It is what programs that read the log may rely on.
func Vocabulary() []Word {
	words := []Word{
		{Key: keyEvent, Meaning: "what happened; in the journal a field only"},
		{Key: keyProcess, Meaning: "process_name as the database has it, at most 255 characters"},
		{Key: keyIDs, Meaning: "process_id of the alarm's rows, the first 16"},
		{Key: keyStrategy, Meaning: "service, process or custom"},
		{Key: keyUnit, Meaning: "the systemd unit"},
		{Key: keyAttempt, Meaning: "number of the attempt, from 1"},
		{Key: keyAttempts, Meaning: "max_attempts"},
		{Key: keyTrial, Meaning: "true where the recovery is the trial of a half-open breaker"},
		{Key: keyReason, Meaning: "why nothing was done, or how it failed"},
		{Key: keyError, Meaning: "the error's text, at most 2 KiB"},
		{Key: keyTook, Meaning: "how long it took; for database_back the length of the outage"},
		{Key: keyCount, Meaning: "how many alarms wait for the next poll"},
		{Key: keyBreaker, Meaning: "closed, open or half-open"},
		{Key: keyFailures, Meaning: "failed recoveries in a row"},
		{Key: keyNextTrial, Meaning: "when an open breaker lets a trial through, RFC 3339"},
		{Key: keyBy, Meaning: "the user who asked for it over the control socket"},
		{Key: keyUID, Meaning: "this user's number"},
		{Key: keyPID, Meaning: "the process with which the user asked"},
		{Key: keyUntil, Meaning: "the end of a pause, RFC 3339"},
		{Key: keyWhy, Meaning: "the reason that the user gave"},
	}
	for i := range words {
		words[i].Field = fieldName(words[i].Key)
	}
	return words
}

// Message is the line that an event has in the log.
type Message struct {
	// Event and Reason are the attributes; Reason is set only where the
	// message depends on it.
	Event, Reason string
	// ID is the journal's MESSAGE_ID, the same for every reason.
	ID    string
	Level string
	Text  string
}

// Messages lists the lines of all events.
func Messages() []Message {
	var all []Message
	add := func(e recovery.Event, reason string) {
		level, text := line(e)
		all = append(all, Message{Event: e.Kind.String(), Reason: reason, ID: messageID(e.Kind.String()), Level: levelName(level), Text: text})
	}
	unknown := recovery.KindUnknown.String()
	for kind := recovery.KindUnknown + 1; kind.String() != unknown; kind++ {
		if kind != recovery.NotActing {
			add(recovery.Event{Kind: kind}, "")
			continue
		}
		for reason := recovery.ReasonNone + 1; reason.String() != unknown; reason++ {
			e := recovery.Event{Kind: kind, Reason: reason}
			if _, text := line(e); text != aloneForNoReason {
				add(e, reason.String())
			}
		}
	}
	return all
}
