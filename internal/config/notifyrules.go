package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

const (
	// maxRecipients bounds email_to: a list of people belongs into a list
	// of the mail server.
	maxRecipients = 20
	// maxAddress is the longest path of SMTP without its angle brackets,
	// RFC 5321 section 4.5.3.1.3.
	maxAddress = 254
)

// plainAddress is an address without comments, quotes and display name: what
// every mail server takes.
var plainAddress = regexp.MustCompile(`\A[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9_.-]+\z`)

// mailAddress reads the address of one mailbox.
func mailAddress() rule[string] {
	return rule[string]{
		allowed: "a mail address such as ops@example.com",
		read: func(text string) (string, error) {
			a, err := mail.ParseAddress(text)
			switch {
			case len(text) > maxAddress:
				return "", errors.New("is too long")
			case err != nil || a.Address != text || !plainAddress.MatchString(text):
				return "", errors.New("is not a mail address")
			}
			return text, nil
		},
	}
}

// mailAddresses reads addresses with blanks or commas between them.
func mailAddresses() rule[[]string] {
	one := mailAddress()
	return rule[[]string]{
		allowed: fmt.Sprintf("mail addresses with blanks or commas between them, at most %d", maxRecipients),
		read: func(text string) ([]string, error) {
			addresses := words(text)
			if len(addresses) > maxRecipients {
				return nil, fmt.Errorf("has %d addresses", len(addresses))
			}
			seen := make(map[string]bool)
			for _, a := range addresses {
				if _, err := one.read(a); err != nil {
					return nil, fmt.Errorf("has %s in it, which %w", shown(withoutPassword(a)), err)
				}
				if seen[a] {
					return nil, fmt.Errorf("has %s in it twice", shown(a))
				}
				seen[a] = true
			}
			if len(addresses) == 0 {
				return nil, errors.New("has no address in it")
			}
			return addresses, nil
		},
	}
}

// notifyEvents reads a list of events, or "all".
func notifyEvents() rule[NotifyEvents] {
	var known []choice[NotifyEvent]
	for e := NotifyUnknown + 1; e < numNotifyEvents; e++ {
		known = append(known, choice[NotifyEvent]{e.String(), e})
	}
	one := oneOf(known...)
	return rule[NotifyEvents]{
		allowed: "all, or some of " + strings.ReplaceAll(one.allowed, ",", "") + " with blanks between them",
		read: func(text string) (NotifyEvents, error) {
			var set NotifyEvents
			list := words(text)
			for _, word := range list {
				if strings.EqualFold(word, "all") && len(list) == 1 {
					for e := NotifyUnknown + 1; e < numNotifyEvents; e++ {
						set[e] = true
					}
					return set, nil
				}
				e, err := one.read(word)
				if err != nil {
					return set, fmt.Errorf("has %s in it, which %w", shown(word), err)
				}
				set[e] = true
			}
			if len(list) == 0 {
				return set, errors.New("has no event in it")
			}
			return set, nil
		},
	}
}

// webAddress reads the URL of a webhook. It may hold a token anywhere, so that
// no error shows a part of it.
func webAddress() rule[string] {
	return rule[string]{
		allowed: "an address that begins with https:// or http://",
		read: func(text string) (string, error) {
			u, err := url.Parse(text)
			switch {
			case len(text) > maxPath:
				return "", errors.New("is too long")
			case err != nil || u.Host == "" || u.Hostname() == "" || strings.ContainsAny(text, " \t"):
				return "", errors.New("is not an address")
			case u.Scheme != "https" && u.Scheme != "http":
				return "", errors.New("is neither https nor http")
			}
			return text, plain(text)
		},
	}
}

// isLoopback says whether a host is this one, by a name or an address that
// never leaves it.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
}
