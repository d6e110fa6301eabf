package config

import "time"

// Notify is the section [notify]: who is told of what, and how often. A
// channel that is not configured is off, and all are by default.
type Notify struct {
	Email   Email
	Webhook Webhook
	Command NotifyCommand

	// DatabaseAfter is how long the database has to be unreachable to be
	// told.
	DatabaseAfter time.Duration
	// GroupWait is how long the first event after a quiet time waits for
	// others to share its message; GroupInterval is the least time between
	// two messages of a channel.
	GroupWait     time.Duration
	GroupInterval time.Duration
	// SendTimeout bounds one try to send an e-mail or a webhook.
	SendTimeout time.Duration
	// RetryFor bounds how long a message that cannot be sent is tried
	// again.
	RetryFor time.Duration
}

// Email is the channel that sends mail over SMTP; it is on where To is not
// empty.
type Email struct {
	Events NotifyEvents
	To     []string
	// From is empty for an address that is made of the host's name.
	From string
	Host string
	// Port is never 0 in a finished configuration that has To.
	Port int
	TLS  SMTPSecurity
	CA   string
	// User is empty where the server takes mail without a login.
	User     string
	Password Secret
}

// Webhook is the channel that posts JSON; it is on where URL is set. The URL
// of a chat system is its password, so that all of it is a secret.
type Webhook struct {
	Events NotifyEvents
	URL    Secret
	Format WebhookFormat
	CA     string
}

// NotifyCommand is the channel that runs a command; it is on where Line is not
// empty.
type NotifyCommand struct {
	Events  NotifyEvents
	Line    string
	Timeout time.Duration
}

// NotifyEvent is one thing that somebody may be told of.
type NotifyEvent int

// The events.
const (
	NotifyUnknown NotifyEvent = iota
	// NotifyRecoveryFailed: all attempts of a recovery failed.
	NotifyRecoveryFailed
	// NotifyBreakerOpened: a process is left alone until its next trial.
	NotifyBreakerOpened
	// NotifyBreakerClosed: a breaker closed, by its trial or by an operator.
	NotifyBreakerClosed
	// NotifyRecoveredAfterOpen: the trial of an open breaker succeeded.
	NotifyRecoveredAfterOpen
	// NotifyDatabaseUnreachable: the database was unreachable for longer
	// than DatabaseAfter, and the end of that.
	NotifyDatabaseUnreachable
	// NotifyFlapping: an alarm came back within stable_time.
	NotifyFlapping

	numNotifyEvents
)

var notifyEventNames = [numNotifyEvents]string{
	NotifyUnknown:             "unknown",
	NotifyRecoveryFailed:      "recovery_failed",
	NotifyBreakerOpened:       "breaker_opened",
	NotifyBreakerClosed:       "breaker_closed",
	NotifyRecoveredAfterOpen:  "recovered_after_open",
	NotifyDatabaseUnreachable: "database_unreachable",
	NotifyFlapping:            "flapping",
}

func (e NotifyEvent) String() string {
	if e < 0 || e >= numNotifyEvents {
		return "unknown"
	}
	return notifyEventNames[e]
}

// NotifyEvents is a set of events.
type NotifyEvents [numNotifyEvents]bool

// Has says whether the event is in the set.
func (s NotifyEvents) Has(e NotifyEvent) bool {
	return e > NotifyUnknown && e < numNotifyEvents && s[e]
}

// List has the events of the set in their usual order.
func (s NotifyEvents) List() []NotifyEvent {
	var list []NotifyEvent
	for e := NotifyUnknown + 1; e < numNotifyEvents; e++ {
		if s[e] {
			list = append(list, e)
		}
	}
	return list
}

// SMTPSecurity says how the connection to the mail server is encrypted.
type SMTPSecurity int

// The ways to encrypt.
const (
	SMTPUnknown SMTPSecurity = iota
	// SMTPStartTLS begins in the clear and refuses a server that does not
	// offer STARTTLS (RFC 3207).
	SMTPStartTLS
	// SMTPTLS is encrypted from the beginning (RFC 8314).
	SMTPTLS
	// SMTPOff is never encrypted.
	SMTPOff
)

func (s SMTPSecurity) String() string {
	switch s {
	case SMTPStartTLS:
		return "starttls"
	case SMTPTLS:
		return "tls"
	case SMTPOff:
		return "off"
	case SMTPUnknown:
	}
	return "unknown"
}

// port is the usual one: submission and submissions of RFC 8314, and smtp.
func (s SMTPSecurity) port() int {
	switch s {
	case SMTPStartTLS:
		return 587
	case SMTPTLS:
		return 465
	case SMTPOff, SMTPUnknown:
	}
	return 25
}

// WebhookFormat is the form of what is posted.
type WebhookFormat int

// The formats.
const (
	WebhookUnknown WebhookFormat = iota
	// WebhookJSON is this daemon's own, for programs.
	WebhookJSON
	// WebhookSlack is Slack's, which Mattermost and Rocket.Chat read too.
	WebhookSlack
	// WebhookTeams is an adaptive card, as the workflows of Teams take it.
	WebhookTeams
	// WebhookDiscord is Discord's.
	WebhookDiscord
)

func (f WebhookFormat) String() string {
	switch f {
	case WebhookJSON:
		return "json"
	case WebhookSlack:
		return "slack"
	case WebhookTeams:
		return "teams"
	case WebhookDiscord:
		return "discord"
	case WebhookUnknown:
	}
	return "unknown"
}
