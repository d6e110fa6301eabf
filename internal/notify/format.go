package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"monitor_service/internal/config"
)

const (
	// maxPosted bounds the notices of a webhook's JSON.
	maxPosted = 100
	// Discord takes 2000 characters of content, see its documentation of
	// webhooks.
	maxDiscord = 1900
	// Slack and Mattermost take more than 16000 characters; & < > become up
	// to five.
	maxSlack = 8000
	// Teams takes 28 KB, see its documentation of incoming webhooks; each
	// line costs some bytes more than its text.
	maxTeams = 10_000
)

// payload is the body of a webhook's request.
func payload(f config.WebhookFormat, m Message) ([]byte, error) {
	var v any
	switch f {
	case config.WebhookJSON:
		v = ownJSON(m)
	case config.WebhookSlack:
		v = slackJSON(m)
	case config.WebhookTeams:
		v = teamsJSON(m)
	case config.WebhookDiscord:
		v = discordJSON(m)
	case config.WebhookUnknown:
		return nil, fmt.Errorf("webhook format %q is not known", f)
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // it goes into no page, and has to be short
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("cannot write %s for the webhook: %w", f, err)
	}
	return body.Bytes(), nil
}

// posted is the daemon's own format. Its fields may become more, and keep
// their meaning as long as the version stays.
type posted struct {
	Version int       `json:"version"`
	Host    string    `json:"host"`
	Time    time.Time `json:"time"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	// Counts has how many notices there are of each event.
	Counts  map[string]int `json:"counts"`
	Notices []postedNotice `json:"notices"`
	// Omitted counts what is not among the notices.
	Omitted int `json:"omitted"`
}

type postedNotice struct {
	Event     string    `json:"event"`
	Time      time.Time `json:"time"`
	Times     int       `json:"times"`
	Over      bool      `json:"over,omitempty"`
	Process   string    `json:"process,omitempty"`
	IDs       []int64   `json:"ids,omitempty"`
	Unit      string    `json:"unit,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Error     string    `json:"error,omitempty"`
	Failures  int       `json:"failures,omitempty"`
	NextTrial time.Time `json:"next_trial,omitzero"`
	// Seconds is the outage's length.
	Seconds float64 `json:"seconds,omitempty"`
}

func ownJSON(m Message) posted {
	p := posted{
		Version: 1, Host: m.Host, Time: m.At, Subject: m.Subject, Text: m.Text,
		Counts: make(map[string]int), Notices: []postedNotice{}, Omitted: m.Omitted,
	}
	for i, n := range m.Notices {
		p.Counts[n.Event.String()]++
		if i >= maxPosted {
			p.Omitted += n.Times
			continue
		}
		p.Notices = append(p.Notices, postedNotice{
			Event: n.Event.String(), Time: n.At, Times: n.Times, Over: n.Over, Process: n.Process, IDs: n.IDs, Unit: n.Unit,
			Reason: n.Reason, Error: n.Error, Failures: n.Failures, NextTrial: n.NextTrial, Seconds: n.Took.Seconds(),
		})
	}
	return p
}

// slackJSON is read by Slack, Mattermost and Rocket.Chat. Escaping & < >
// keeps a name from calling a whole channel or making a link:
// docs.slack.dev, "Formatting message text".
func slackJSON(m Message) any {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	return map[string]any{
		"text":   escape.Replace(cut(m.Subject+"\n"+m.Text, maxSlack)),
		"mrkdwn": false,
	}
}

// discordJSON shows the text as it is, and mentions nobody.
func discordJSON(m Message) any {
	text := strings.ReplaceAll(cut(m.Subject+"\n"+m.Text, maxDiscord), "`", "'")
	return map[string]any{
		"content":          "```\n" + text + "\n```",
		"allowed_mentions": map[string]any{"parse": []string{}},
	}
}

// teamsJSON is an adaptive card of text runs, which know no markup, so that a
// name makes no link.
func teamsJSON(m Message) any {
	block := func(text, weight string) any {
		return map[string]any{
			"type": "RichTextBlock",
			"inlines": []any{map[string]any{
				"type": "TextRun", "text": text, "weight": weight,
			}},
		}
	}
	body := []any{block(m.Subject, "Bolder")}
	for line := range strings.Lines(cutBytes(m.Text, maxTeams)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			body = append(body, block(line, "Default"))
		}
	}
	card := map[string]any{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
		"type":    "AdaptiveCard", "version": "1.4", "body": body,
	}
	return map[string]any{
		"type": "message",
		"attachments": []any{map[string]any{
			"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card,
		}},
	}
}
