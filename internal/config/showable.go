package config

import "strings"

// showable is what a message shows of a value that is wrong: it may be a secret
// that somebody has put into the wrong key. It is empty where nothing is shown.
func (k Key) showable(value string) string {
	switch {
	case k.Secret:
		return ""
	case k.secretFile && !strings.HasPrefix(value, "/"):
		// No path: most likely the secret itself.
		return ""
	case k.address:
		return withoutUserinfo(value)
	}
	return withoutPassword(value)
}

// withoutUserinfo cuts the user and the password out of what may be an address,
// RFC 3986 section 3.2.1: all before the last @, as a password may have one.
func withoutUserinfo(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		return "…" + text[at:]
	}
	return text
}

// withoutPassword does so where there is a password: an @ alone belongs to mail
// addresses and to names of units.
func withoutPassword(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 && strings.Contains(text[:at], ":") {
		return withoutUserinfo(text)
	}
	return text
}
