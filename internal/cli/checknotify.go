package cli

import (
	"net"
	"strconv"
	"strings"

	"monitor_service/internal/config"
)

// notify is who is told of what. The address of a webhook is not shown: the
// one of a chat system is its password.
func (r *report) notify() {
	r.title("[notify]")
	n := r.config.Notify
	row := func(key, value string) { r.row(key, value, r.config.Origin("notify", key)) }
	off := true
	if len(n.Email.To) > 0 {
		off = false
		row("email_to", strings.Join(n.Email.To, " "))
		row("email_events", eventList(n.Email.Events))
		row("smtp_host", net.JoinHostPort(n.Email.Host, strconv.Itoa(n.Email.Port)))
		row("smtp_tls", n.Email.TLS.String())
		if n.Email.User != "" {
			row("smtp_user", n.Email.User)
			row("smtp_password", n.Email.Password.String())
		}
	}
	if n.Webhook.URL.IsSet() {
		off = false
		row("webhook_url", n.Webhook.URL.String())
		row("webhook_format", n.Webhook.Format.String())
		row("webhook_events", eventList(n.Webhook.Events))
	}
	if n.Command.Line != "" {
		off = false
		row("command", n.Command.Line)
		row("command_events", eventList(n.Command.Events))
	}
	if off {
		r.row("none", "nobody is told", config.Origin{Source: config.SourceBuiltIn})
		return
	}
	row("group_interval", config.ShortDuration(n.GroupInterval))
}

func eventList(set config.NotifyEvents) string {
	var names []string
	for _, e := range set.List() {
		names = append(names, e.String())
	}
	return strings.Join(names, " ")
}
