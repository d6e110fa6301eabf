package cli

import (
	"runtime"
	"runtime/debug"
)

// release is set by the linker, see the Makefile.
var release = ""

// version says which build this is.
func version() string {
	v := release
	if v == "" {
		v = "devel"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
			v = info.Main.Version
		}
	}
	return v + " (" + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
}
