package systemd

import (
	"io"
	"os"
	"strings"
)

// maxCgroupFile bounds what is read of /proc/self/cgroup, a few lines of at
// most a path each.
const maxCgroupFile = 64 << 10

// OwnUnit returns the unit that this process runs in, or nothing where systemd
// did not start it.
func OwnUnit() string {
	f, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxCgroupFile))
	if err != nil {
		return ""
	}
	return unitOfCgroups(string(text))
}

// unitOfCgroups finds the unit in the text of /proc/PID/cgroup (cgroups(7)),
// lines of "hierarchy:controllers:path". On a host with cgroup v1 the units
// are in the hierarchy that is named systemd, with v2 in hierarchy 0. A
// container with v2 on a host with v1 shows both, and only the latter is its.
func unitOfCgroups(text string) string {
	named, unified := "", ""
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[1] == "name=systemd":
			named = unitOfPath(fields[2])
		case fields[0] == "0" && fields[1] == "":
			unified = unitOfPath(fields[2])
		}
	}
	if named != "" {
		return named
	}
	return unified
}

// unitOfPath returns the unit of a control group: the first part of its path
// that is no slice. Further parts belong to the unit.
func unitOfPath(path string) string {
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		// systemd puts a "_" before a name that the kernel also uses.
		part = strings.TrimPrefix(part, "_")
		if !validName(part) {
			return ""
		}
		if unitType(part) != "slice" {
			return part
		}
	}
	return ""
}
