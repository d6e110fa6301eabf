// Package notify tells people what needs them: it takes the events of package
// recovery, gathers them into few messages, and sends those by e-mail, to a
// webhook and through a command.
//
// Whoever observes an event never waits for a message: an event is put into a
// bounded batch in memory, and each channel has one goroutine that sends. The
// first event after a quiet time waits a moment for others, after a message
// the next one has to keep its distance, and what happens meanwhile is one
// message, so that a storm is not a thousand of them. A message that cannot be
// sent is tried again, together with what has happened since; each event is
// told at least once, or given up and counted. Nothing is written to disk.
//
// Which events there are and who wants which is decided by the configuration.
// Nothing is logged here: what goes wrong is handed to a function as a Report.
package notify

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// Channel is one way to tell somebody.
type Channel int

// The channels.
const (
	ChannelUnknown Channel = iota
	ChannelEmail
	ChannelWebhook
	ChannelCommand

	numChannels
)

func (c Channel) String() string {
	switch c {
	case ChannelEmail:
		return "email"
	case ChannelWebhook:
		return "webhook"
	case ChannelCommand:
		return "command"
	case ChannelUnknown, numChannels:
	}
	return "unknown"
}

// sender sends one message and returns within the context's time. retry says
// that the same message may be taken at another time. The error holds no
// secret, and is the same text for the same trouble; it is a *partly where some
// of several recipients have got the message.
type sender interface {
	send(ctx context.Context, m Message) (retry bool, err error)
}

// partly is the error of a message that not all of its recipients have got.
type partly struct {
	error
	// told are those who have got it.
	told []string
}

// Settings is a section [notify] made ready: everything that can fail has been
// done.
type Settings struct {
	channels [numChannels]channelSettings
}

// Prepare makes a section ready to be used. It reads the certificates of the
// CAs, connects to nothing and starts nothing. It is safe to drop the result.
func Prepare(cfg config.Notify, run command.Runner) (*Settings, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("cannot find out the host's name for notifications: %w", err)
	}
	s := new(Settings)
	limits := channelSettings{
		host: host, timeout: cfg.SendTimeout, databaseAfter: cfg.DatabaseAfter,
		groupWait: cfg.GroupWait, groupInterval: cfg.GroupInterval, retryFor: cfg.RetryFor,
	}
	if len(cfg.Email.To) > 0 {
		mail := limits
		mail.events = cfg.Email.Events
		if mail.sender, err = newEmail(cfg.Email, host); err != nil {
			return nil, fmt.Errorf("cannot set up e-mail: %w", err)
		}
		s.channels[ChannelEmail] = mail
	}
	if cfg.Webhook.URL.IsSet() {
		hook := limits
		hook.events = cfg.Webhook.Events
		if hook.sender, err = newWebhook(cfg.Webhook); err != nil {
			return nil, fmt.Errorf("cannot set up the webhook: %w", err)
		}
		s.channels[ChannelWebhook] = hook
	}
	if cfg.Command.Line != "" {
		line := limits
		line.events, line.timeout = cfg.Command.Events, cfg.Command.Timeout
		line.sender = runner{run: run, line: cfg.Command.Line, timeout: cfg.Command.Timeout}
		s.channels[ChannelCommand] = line
	}
	return s, nil
}

// ReportKind is what a report tells.
type ReportKind int

// The kinds of reports.
const (
	ReportUnknown ReportKind = iota
	// Failing: a message could not be sent and is tried again.
	Failing
	// Lost: a message could not be sent and some of it is given up.
	Lost
	// Partly: a message was sent, and is given up for some of its
	// recipients.
	Partly
	// Working: a message was sent after others had failed.
	Working
)

// Report tells how a channel does. A trouble is told once as long as it stays
// the same, and its end once.
type Report struct {
	Kind    ReportKind
	Channel Channel
	// Err is set for Failing, Lost and Partly. It holds no secret.
	Err error
	// Events is how many were given up: for Lost since the last report, for
	// Working since the trouble began. What somebody has got is not given
	// up.
	Events int
	// Took is how long the trouble lasted, for Working.
	Took time.Duration
}

// Notifier tells people what needs them. Its methods are safe for use by
// several goroutines.
type Notifier struct {
	channels []*channel
	kill     context.CancelFunc
	workers  sync.WaitGroup
}

// New starts a notifier; Close ends it. tell is called from the notifier's
// goroutines, and must not call the notifier.
func New(s *Settings, tell func(Report)) *Notifier {
	n := new(Notifier)
	var life context.Context
	life, n.kill = context.WithCancel(context.Background())
	for kind := ChannelUnknown + 1; kind < numChannels; kind++ {
		c := newChannel(kind, s.channels[kind], tell)
		n.channels = append(n.channels, c)
		n.workers.Go(func() { c.run(life) })
	}
	return n
}

// Observe takes an event. It does not wait for anything but the time that it
// takes to put it into a batch.
func (n *Notifier) Observe(ev recovery.Event) {
	for _, c := range n.channels {
		c.observe(ev)
	}
}

// Apply puts other settings in force. What has not been sent yet is sent by
// the new ones.
func (n *Notifier) Apply(s *Settings) {
	for _, c := range n.channels {
		c.apply(s.channels[c.kind])
	}
}

// Close tries once to send what is left, until ctx ends, and returns when no
// goroutine of the notifier is left. What could not be sent is reported.
func (n *Notifier) Close(ctx context.Context) {
	for _, c := range n.channels {
		c.close()
	}
	stop := context.AfterFunc(ctx, n.kill)
	defer stop()
	n.workers.Wait()
	n.kill()
}
