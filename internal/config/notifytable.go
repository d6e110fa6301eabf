package config

import "time"

// calmEvents is what is told unless somebody asks for more or less: what
// needs a person, and the end of it.
const calmEvents = "breaker_opened recovered_after_open database_unreachable"

func notifyKeys() []Key {
	keys := emailKeys()
	keys = append(keys, webhookKeys()...)
	keys = append(keys, notifyCommandKeys()...)
	return append(keys, notifyLimits()...)
}

func emailKeys() []Key {
	const s = sectionNotify
	return []Key{
		newKey(s, "email_to", "", mailAddresses(), func(d *draft) *[]string { return &d.Notify.Email.To },
			"who gets an e-mail; without it none is sent"),
		newKey(s, "email_from", "", mailAddress(), func(d *draft) *string { return &d.Notify.Email.From },
			"the sender").shows("monitor_service@HOST"),
		newKey(s, "email_events", calmEvents, notifyEvents(), func(d *draft) *NotifyEvents { return &d.Notify.Email.Events },
			"what is told by e-mail"),
		newKey(s, "smtp_host", "", host(), func(d *draft) *string { return &d.Notify.Email.Host },
			"the mail server; needed for email_to").ofAddress(),
		newKey(s, "smtp_port", "", integer(1, 65535), func(d *draft) *int { return &d.Notify.Email.Port },
			"its port").shows("587 for starttls, 465 for tls, 25 for off"),
		newKey(s, "smtp_tls", "starttls",
			oneOf(choice[SMTPSecurity]{"starttls", SMTPStartTLS}, choice[SMTPSecurity]{"tls", SMTPTLS}, choice[SMTPSecurity]{"off", SMTPOff}),
			func(d *draft) *SMTPSecurity { return &d.Notify.Email.TLS },
			"starttls and tls refuse a server that does not encrypt or that the CA does not vouch for"),
		newKey(s, "smtp_ca", "", absolute(maxPath), func(d *draft) *string { return &d.Notify.Email.CA },
			"the CA's certificates (PEM); without it the system's"),
		newKey(s, "smtp_user", "", text(128), func(d *draft) *string { return &d.Notify.Email.User },
			"the account, where the server wants a login"),
		newKey(s, "smtp_password", "", text(4096), func(d *draft) *string { return &d.smtpPassword },
			"its password; smtp_password_file wins over it, and a systemd credential named smtp_password over both").secret(),
		newKey(s, "smtp_password_file", "", absolute(maxPath), func(d *draft) *string { return &d.smtpPasswordFile },
			"a file that holds the password alone, on one line").ofSecret(),
	}
}

func webhookKeys() []Key {
	const s = sectionNotify
	return []Key{
		newKey(s, "webhook_url", "", webAddress(), func(d *draft) *string { return &d.webhookURL },
			"where JSON is posted to; kept as secret as a password; webhook_url_file wins over it, and a systemd credential named webhook_url over both").secret(),
		newKey(s, "webhook_url_file", "", absolute(maxPath), func(d *draft) *string { return &d.webhookURLFile },
			"a file that holds the address alone, on one line").ofSecret(),
		newKey(s, "webhook_format", "json",
			oneOf(choice[WebhookFormat]{"json", WebhookJSON}, choice[WebhookFormat]{"slack", WebhookSlack},
				choice[WebhookFormat]{"teams", WebhookTeams}, choice[WebhookFormat]{"discord", WebhookDiscord}),
			func(d *draft) *WebhookFormat { return &d.Notify.Webhook.Format },
			"the form of what is posted; slack also suits Mattermost and Rocket.Chat"),
		newKey(s, "webhook_ca", "", absolute(maxPath), func(d *draft) *string { return &d.Notify.Webhook.CA },
			"the CA's certificates (PEM); without it the system's"),
		newKey(s, "webhook_events", calmEvents, notifyEvents(), func(d *draft) *NotifyEvents { return &d.Notify.Webhook.Events },
			"what is posted"),
	}
}

func notifyCommandKeys() []Key {
	const s = sectionNotify
	line := shell()
	line.allowed = "a command for /bin/sh -c; the message is in its environment, and %s means nothing"
	return []Key{
		newKey(s, "command", "", line, func(d *draft) *string { return &d.Notify.Command.Line },
			"a command that tells it in some other way, such as an SMS gateway; exits 0 when it is told").command(),
		newKey(s, "command_events", calmEvents, notifyEvents(), func(d *draft) *NotifyEvents { return &d.Notify.Command.Events },
			"what the command is run for"),
		newKey(s, "command_timeout", "30", duration(100*time.Millisecond, 10*time.Minute),
			func(d *draft) *time.Duration { return &d.Notify.Command.Timeout },
			"the longest that the command may run"),
	}
}

func notifyLimits() []Key {
	const s = sectionNotify
	return []Key{
		newKey(s, "database_after", "300", duration(0, 7*day), func(d *draft) *time.Duration { return &d.Notify.DatabaseAfter },
			"how long the database has to be unreachable to be told; then its end is told as well"),
		newKey(s, "group_wait", "10", duration(0, time.Hour), func(d *draft) *time.Duration { return &d.Notify.GroupWait },
			"how long the first event waits for others to share its message"),
		newKey(s, "group_interval", "300", duration(0, day), func(d *draft) *time.Duration { return &d.Notify.GroupInterval },
			"the least time between two messages of a channel; what happens meanwhile is one message"),
		newKey(s, "send_timeout", "30", duration(100*time.Millisecond, 10*time.Minute),
			func(d *draft) *time.Duration { return &d.Notify.SendTimeout },
			"the longest that one try to send an e-mail or a webhook may take"),
		newKey(s, "retry_for", "3600", duration(0, 7*day), func(d *draft) *time.Duration { return &d.Notify.RetryFor },
			"how long a message that cannot be sent is tried again"),
	}
}
