package config

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxPath is PATH_MAX of Linux without its final zero byte.
	maxPath = 4095
	// maxSocketPath is what a socket's address holds, unix(7).
	maxSocketPath = 107
	// maxUnitName is the longest name of a unit, systemd.unit(5).
	maxUnitName = 255
	// none is the word that switches a value off which has a default.
	none = "none"
)

var (
	hostName = regexp.MustCompile(`\A[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?\z`)
	// userName is what systemd takes for User= in its relaxed mode, without
	// numbers: see "User/Group Name Syntax" at systemd.io.
	userName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_.@\\-]{0,254}\$?\z`)
	// unitName and unitPattern have the characters of systemd.unit(5),
	// unitPattern also those of a shell pattern.
	unitName    = regexp.MustCompile(`\A[A-Za-z0-9:_.\\-][A-Za-z0-9:_.@\\-]*\z`)
	unitPattern = regexp.MustCompile(`\A[A-Za-z0-9:_.@\\*?\[\]^!-]+\z`)
	unitSuffix  = regexp.MustCompile(`\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)\z`)
)

// host reads the name or the address of a server.
func host() rule[string] {
	return rule[string]{
		allowed: "a host's name or an IP address without a port",
		read: func(text string) (string, error) {
			if _, err := netip.ParseAddr(text); err == nil || hostName.MatchString(text) {
				return text, nil
			}
			switch {
			case strings.HasPrefix(text, "/"):
				return "", errors.New("is a path: set the key socket instead")
			case strings.Contains(text, ":"):
				return "", errors.New("is no name and no address: set the port with the key port")
			}
			return "", errors.New("is no name and no address")
		},
	}
}

// absolute reads the path of a file: a daemon has no directory of its own
// that a relative one could begin at.
func absolute(most int) rule[string] {
	return rule[string]{
		allowed: fmt.Sprintf("an absolute path of at most %d bytes", most),
		read: func(text string) (string, error) {
			switch {
			case !filepath.IsAbs(text):
				return "", errors.New("does not begin with /")
			case len(text) > most:
				return "", errors.New("is too long")
			}
			return text, plain(text)
		},
	}
}

// absoluteOrNone reads a path, or "none" for no file at all.
func absoluteOrNone() rule[string] {
	return orNone(absolute(maxPath), "an absolute path, or none")
}

// socketOrNone reads the path of a UNIX socket, or "none" for no socket at all.
func socketOrNone() rule[string] {
	r := absolute(maxSocketPath)
	return orNone(r, r.allowed+", or none")
}

func orNone(r rule[string], allowed string) rule[string] {
	return rule[string]{
		allowed: allowed,
		read: func(text string) (string, error) {
			if strings.EqualFold(text, none) {
				return "", nil
			}
			return r.read(text)
		},
	}
}

// user reads the name of a user of this host; whether there is such a user is
// found out when it is needed.
func user() rule[string] {
	return rule[string]{
		allowed: "the name of a user, not a number",
		read: func(text string) (string, error) {
			if !userName.MatchString(text) {
				return "", errors.New("is not a user's name")
			}
			return text, nil
		},
	}
}

// unit reads the name of a systemd unit, and adds .service where it has no
// suffix.
func unit() rule[string] {
	return rule[string]{
		allowed: fmt.Sprintf("a unit's name of at most %d characters (letters, digits, : _ . - \\ @); without a suffix it is a service", maxUnitName),
		read: func(text string) (string, error) {
			name := withSuffix(text)
			stem := name[:strings.LastIndexByte(name, '.')]
			switch {
			case len(name) > maxUnitName:
				return "", errors.New("is too long")
			case !unitName.MatchString(name) || stem == "":
				return "", errors.New("is not a unit's name")
			case strings.HasSuffix(stem, "@"):
				return "", errors.New("is a template: name one of its instances")
			}
			return name, nil
		},
	}
}

func withSuffix(name string) string {
	if unitSuffix.MatchString(name) {
		return name
	}
	return name + ".service"
}

// unitPatterns reads shell patterns of unit names with blanks or commas
// between them.
func unitPatterns() rule[[]string] {
	return rule[[]string]{
		allowed: "names of units with blanks between them, * ? and [] as in the shell, or none",
		read: func(text string) ([]string, error) {
			if strings.EqualFold(text, none) {
				return nil, nil
			}
			patterns := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
			for i, p := range patterns {
				if _, err := path.Match(p, ""); err != nil || !unitPattern.MatchString(p) {
					return nil, fmt.Errorf("has %s in it, which is not a pattern of unit names", shown(p))
				}
				if !strings.HasSuffix(p, "*") {
					patterns[i] = withSuffix(p)
				}
			}
			if slices.Contains(patterns, "") || len(patterns) == 0 {
				return nil, errors.New("has no name in it")
			}
			return patterns, nil
		},
	}
}
