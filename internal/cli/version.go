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
	v, revision, at := build()
	if revision != "" {
		revision = "commit " + revision
	}
	parts := nonEmpty([]string{revision, at, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
	return v + " (" + strings.Join(parts, ", ") + ")"
}

// build returns the release, its commit and the commit's time; the last two
// are empty where nobody knows.
func build() (v, revision, at string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if release != "" {
		return release, commit, date
	}
	v = "devel"
	if main := info.Main.Version; main != "" && main != "(devel)" {
		v = main
	}
	return v, setting(info, "vcs.revision"), setting(info, "vcs.time")
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
