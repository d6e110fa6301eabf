package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// What the Makefile has the linker set: the release, the commit and the
// commit's time. The time of the build would make every build another program.
var (
	release = ""
	commit  = ""
	date    = ""
)

// version says which build this is: what the Makefile said, else what Go knows
// of the tree that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	v, parts := release, []string{commit, date}
	if v == "" {
		v = "devel"
		if main := info.Main.Version; main != "" && main != "(devel)" {
			v = main
		}
		parts = []string{setting(info, "vcs.revision"), setting(info, "vcs.time")}
	}
	parts = append(parts, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	if parts[0] != "" {
		parts[0] = "commit " + parts[0]
	}
	return v + " (" + strings.Join(nonEmpty(parts), ", ") + ")"
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func nonEmpty(all []string) []string {
	var some []string
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}
