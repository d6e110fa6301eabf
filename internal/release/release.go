// Command release makes what a package holds beside the program itself: manual
// pages and shell completions from the commands, polkit rules that grant
// nothing, and from a built program the list of its parts (an SBOM) and their
// licences. It also says whether a built program is one that a package may
// hold. It is run by the Makefile and is no part of the program, which would
// only carry the weight.
//
// What goes where is the Makefile's business, and what the packages are called
// is that of the packager's configuration.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 3 && args[0] == "check" {
		return checkProgram(args[1], args[2])
	}
	isSBOM := len(args) == 4 && args[0] == "sbom"
	if len(args) != 2 && !isSBOM {
		return fmt.Errorf("usage: release docs DIRECTORY | rules DIRECTORY | sbom PROGRAM VERSION COMMIT | licences PROGRAM | check PROGRAM ARCHITECTURE")
	}
	at, err := buildTime(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	if isSBOM {
		return writeSBOM(os.Stdout, args[1], source{Version: args[2], Commit: args[3]}, at)
	}
	switch args[0] {
	case "docs":
		return writeDocs(args[1], examplesSource, at)
	case "rules":
		return writeRules(args[1])
	case "licences":
		return writeLicences(os.Stdout, args[1])
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// buildTime is the time that everything is dated with, by the rule of
// https://reproducible-builds.org/specs/source-date-epoch/. There is no
// fallback to the clock: two builds would differ.
func buildTime(epoch string) (time.Time, error) {
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("$SOURCE_DATE_EPOCH is %q, want seconds since 1970", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
