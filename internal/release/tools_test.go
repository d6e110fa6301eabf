package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryToolHasAReasonAndItsVersion compares the list for humans with what
// the Makefile has Go fetch and run.
func TestEveryToolHasAReasonAndItsVersion(t *testing.T) {
	find := func(pattern string, files ...string) map[string]bool {
		found := map[string]bool{}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
				found[match[1]] = true
			}
		}
		return found
	}
	listed := find("(?m)^- `(\\S+@\\S+)`: \\S", "../../deploy/DEPENDENCIES.md")
	run := find(`go (?:run|install) (\S+@\S+)`, "../../Makefile", "../../deploy/package.mk", "../../deploy/release-check.sh", "../../.ci/run")
	if diff := cmp.Diff(run, listed); diff != "" || len(run) == 0 {
		t.Errorf("run (-) and in deploy/DEPENDENCIES.md (+):\n%s", diff)
	}
}
