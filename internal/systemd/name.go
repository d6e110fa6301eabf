package systemd

import (
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

// maxNameLength is the longest name of a unit in bytes, its suffix included
// (systemd.unit(5)).
const maxNameLength = 255

const serviceSuffix = ".service"

// UnitNameEscape escapes text as systemd-escape(1) does, so that any text can
// be a part of a unit's name. Control characters alone come out differently:
// the library writes those below 0x10 with one digit.
func UnitNameEscape(s string) string { return unit.UnitNameEscape(s) }

// ServiceName returns the name of the unit that an operator means by name: a
// name without the suffix of a unit type is that of a service.
func ServiceName(name string) string {
	if unitType(name) != "" {
		return name
	}
	return name + serviceSuffix
}

// IsService says whether name is the name of a service unit.
func IsService(name string) bool {
	return validName(name) && unitType(name) == "service"
}

// unitType returns the type of unit that the name's suffix says, without the
// dot, or nothing where the suffix is none (systemd.unit(5)).
func unitType(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return ""
	}
	switch suffix := name[dot+1:]; suffix {
	case "service", "socket", "device", "mount", "automount", "swap",
		"target", "path", "timer", "slice", "scope":
		return suffix
	}
	return ""
}

// validName says whether systemd could have a unit of this name
// (systemd.unit(5)). Every name is held against it before it goes onto the
// bus: text that is not valid in a D-Bus message makes the bus end the
// connection, which all recoveries share.
func validName(name string) bool {
	if len(name) > maxNameLength || unitType(name) == "" {
		return false
	}
	prefix := name[:strings.LastIndexByte(name, '.')]
	// The first "@" stands between the name of a template and that of its
	// instance. Without an instance it is a file's name and not a unit's.
	if at := strings.IndexByte(prefix, '@'); prefix == "" || at == 0 || at == len(prefix)-1 {
		return false
	}
	for i := range len(prefix) {
		if !validNameByte(prefix[i]) {
			return false
		}
	}
	return true
}

func validNameByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte(`:-_.\@`, c) >= 0
}
