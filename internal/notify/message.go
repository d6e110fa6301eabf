package notify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"monitor_service/internal/config"
)

const (
	// maxListed bounds the notices of one event that the text lists.
	maxListed = 20
	// maxSubject bounds the subject, in characters.
	maxSubject = 180
	// maxText bounds the text, in characters: a variable of a command's
	// environment holds 128 KiB (execve(2)).
	maxText = 30_000
	// maxShownName bounds a name in subject and text, in characters.
	maxShownName = 64
	// maxShownIDs bounds the process_ids of one line.
	maxShownIDs = 4
)

// Message is what is sent: one or many notices, made ready for people.
type Message struct {
	Host string
	At   time.Time
	// Subject is one line and Text several. A name or an error in them is
	// quoted unless it is plain, so that it can neither begin a line nor
	// hide anything.
	Subject string
	Text    string
	Notices []Notice
	// Omitted counts the events that are not among the notices.
	Omitted int
}

// message makes a batch ready to be sent. It does not change the batch.
func (b *batch) message(host string, now time.Time) Message {
	return Message{Host: host, At: now, Notices: b.notices, Omitted: b.omitted}.written()
}

// written is the message with its subject and its text.
func (m Message) written() Message {
	m.Subject = cut("[monitor_service] "+m.Host+": "+strings.Join(m.summary(), "; "), maxSubject)
	m.Text = cut(m.text(), maxText)
	return m
}

func (m Message) empty() bool { return len(m.Notices) == 0 && m.Omitted == 0 }

// untold is what the recipient has not got yet. What is only counted is told
// along with it, and not alone.
func (m Message) untold(recipient string) Message {
	has := func(n Notice) bool { return slices.Contains(n.told, recipient) }
	if !slices.ContainsFunc(m.Notices, has) {
		return m
	}
	m.Notices = slices.DeleteFunc(slices.Clone(m.Notices), has)
	if len(m.Notices) == 0 {
		return Message{}
	}
	return m.written()
}

// group is the notices of one event.
type group struct {
	event   config.NotifyEvent
	notices []Notice
}

func (m Message) groups() []group {
	var groups []group
	for _, event := range allEvents() {
		g := group{event: event}
		for _, n := range m.Notices {
			if n.Event == event {
				g.notices = append(g.notices, n)
			}
		}
		if len(g.notices) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// allEvents has what is worst first.
func allEvents() []config.NotifyEvent {
	return []config.NotifyEvent{
		config.NotifyDatabaseUnreachable, config.NotifyBreakerOpened, config.NotifyRecoveryFailed,
		config.NotifyFlapping, config.NotifyRecoveredAfterOpen, config.NotifyBreakerClosed,
	}
}

// summary says each event in a few words.
func (m Message) summary() []string {
	var parts []string
	for _, g := range m.groups() {
		last := g.notices[len(g.notices)-1]
		switch {
		case g.event == config.NotifyDatabaseUnreachable && last.Over:
			parts = append(parts, "database reachable again")
		case g.event == config.NotifyDatabaseUnreachable:
			parts = append(parts, "database unreachable")
		case len(g.notices) == 1:
			parts = append(parts, brief(g.event)+": "+shown(last.Process))
		default:
			parts = append(parts, fmt.Sprintf("%s: %d processes", brief(g.event), len(g.notices)))
		}
	}
	if m.Omitted > 0 {
		parts = append(parts, fmt.Sprintf("%d more events", m.Omitted))
	}
	return parts
}

// brief is an event in two or three words.
func brief(e config.NotifyEvent) string {
	return strings.ReplaceAll(e.String(), "_", " ")
}

// heading is an event in a sentence.
func heading(e config.NotifyEvent) string {
	switch e {
	case config.NotifyRecoveryFailed:
		return "Recovery failed"
	case config.NotifyBreakerOpened:
		return "Breaker opened, no restart until the next trial"
	case config.NotifyBreakerClosed:
		return "Breaker closed"
	case config.NotifyRecoveredAfterOpen:
		return "Recovered by the trial of an open breaker"
	case config.NotifyDatabaseUnreachable:
		return "Alarm database"
	case config.NotifyFlapping:
		return "Alarm came back soon after a verified restart"
	case config.NotifyUnknown:
	}
	return e.String()
}

func (m Message) text() string {
	var b strings.Builder
	for i, g := range m.groups() {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(heading(g.event))
		if len(g.notices) > 1 && g.event != config.NotifyDatabaseUnreachable {
			fmt.Fprintf(&b, " (%d processes)", len(g.notices))
		}
		b.WriteString(":\n")
		for i, n := range g.notices {
			if i == maxListed {
				fmt.Fprintf(&b, "  and %d more\n", len(g.notices)-i)
				break
			}
			b.WriteString("  " + n.line() + "\n")
		}
	}
	if m.Omitted > 0 {
		fmt.Fprintf(&b, "\nand %d more events, which are in the log alone\n", m.Omitted)
	}
	return b.String()
}

// line says one notice.
func (n Notice) line() string {
	at := n.At.Format(time.DateTime)
	if n.Event == config.NotifyDatabaseUnreachable {
		took := n.Took.Round(time.Second)
		if n.Over {
			return fmt.Sprintf("%s reachable again, after %s", at, took)
		}
		return strings.TrimSuffix(fmt.Sprintf("%s unreachable for %s: %s", at, took, n.Error), ": ")
	}
	parts := []string{at + " " + shown(n.Process) + n.about()}
	if n.Times > 1 {
		parts[0] += fmt.Sprintf(", %d times", n.Times)
	}
	if n.Failures > 0 {
		parts = append(parts, fmt.Sprintf("%d failed in a row", n.Failures))
	}
	if !n.NextTrial.IsZero() {
		parts = append(parts, "next trial at "+n.NextTrial.Format(time.DateTime))
	}
	if n.Reason != "" && n.Event != config.NotifyFlapping {
		parts = append(parts, n.Reason)
	}
	if n.Error != "" {
		parts = append(parts, n.Error)
	}
	return strings.Join(parts, "; ")
}

// about is what a process is, in brackets.
func (n Notice) about() string {
	var parts []string
	if n.Unit != "" {
		parts = append(parts, shown(n.Unit))
	}
	for i, id := range n.IDs {
		if i == maxShownIDs {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, "id "+strconv.FormatInt(id, 10))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// shown is a name that is not trusted, fit for any line of text.
func shown(name string) string {
	name = cut(name, maxShownName)
	if config.SafeName(strings.TrimSuffix(name, "…")) {
		return name
	}
	return strconv.Quote(name)
}

// cutBytes bounds a text to so many bytes.
func cutBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
