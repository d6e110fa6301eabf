package config

import "fmt"

// checkNotify checks what the keys of [notify] need of each other.
func (b *build) checkNotify() {
	b.findNotifySecrets()
	b.checkEmail()
	b.uselessWithout("webhook_url", b.Notify.Webhook.URL.IsSet(), "webhook_format", "webhook_ca", "webhook_events")
	b.uselessWithout("command", b.Notify.Command.Line != "", "command_events", "command_timeout")
}

func (b *build) findNotifySecrets() {
	const s = sectionNotify
	b.Notify.Email.Password = b.findSecret(secretKey{
		section: s, key: "smtp_password", what: "the password",
		text: b.smtpPassword, file: b.smtpPasswordFile, credential: "smtp_password",
	})
	b.Notify.Webhook.URL = b.findSecret(secretKey{ //nolint:gosec // a credential's name, not a credential
		section: s, key: "webhook_url", what: "the address",
		text: b.webhookURL, file: b.webhookURLFile, credential: "webhook_url",
		check: func(text string) error { _, err := webAddress().read(text); return err },
	})
}

func (b *build) checkEmail() {
	const s = sectionNotify
	e := &b.Notify.Email
	refused := func(key string) bool { return b.refused[originKey(s, key)] }
	b.uselessWithout("email_to", len(e.To) > 0, "email_from", "email_events", "smtp_host", "smtp_port", "smtp_tls",
		"smtp_ca", "smtp_user", "smtp_password", "smtp_password_file")
	if len(e.To) == 0 {
		return
	}
	if e.Port == 0 {
		e.Port = e.TLS.port()
	}
	if e.Host == "" && !refused("smtp_host") {
		b.mistakeAt(s, "smtp_host", "is missing: email_to needs it")
	}
	if refused("smtp_user") || refused("smtp_password") || refused("smtp_password_file") || refused("smtp_tls") || refused("smtp_host") {
		return
	}
	switch {
	case e.User != "" && !e.Password.IsSet():
		b.mistakeAt(s, "smtp_password", "is missing: smtp_user needs it, or smtp_password_file")
	case e.User == "" && e.Password.IsSet():
		b.mistakeAt(s, "smtp_user", "is missing: there is a password for it")
	case e.User != "" && e.TLS == SMTPOff && !isLoopback(e.Host):
		b.mistakeAt(s, "smtp_tls", "the password would be sent in the clear: set starttls or tls, or take smtp_user away")
	}
	if e.TLS == SMTPOff && b.given(s, "smtp_ca") {
		b.warnAt(s, "smtp_ca", "has no effect: smtp_tls is off")
	}
}

// uselessWithout warns of keys that say something about a channel that is off.
func (b *build) uselessWithout(needed string, set bool, keys ...string) {
	if set || b.refused[originKey(sectionNotify, needed)] || b.refused[originKey(sectionNotify, needed+"_file")] {
		return
	}
	for _, key := range keys {
		if b.given(sectionNotify, key) {
			b.warnAt(sectionNotify, key, fmt.Sprintf("has no effect: %s is not set", needed))
		}
	}
}
