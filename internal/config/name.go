package config

import "regexp"

// MaxNameLength is the longest process name that may become part of a command
// or of a unit's name, in bytes. A unit's name is at most 255 bytes long
// (systemd.unit(5)), its suffix included.
const MaxNameLength = 200

var safeName = regexp.MustCompile(`\A[A-Za-z0-9_@:+][A-Za-z0-9_.@:+-]*\z`)

// SafeName says whether a process name, which comes from the database and is
// not trusted, may become part of a command or of a unit's name.
func SafeName(name string) bool {
	return len(name) <= MaxNameLength && safeName.MatchString(name)
}

// DaemonUnit is the unit that the daemon is installed as, which it never
// restarts: it would end its own recovery.
const DaemonUnit = "monitor_service.service"
