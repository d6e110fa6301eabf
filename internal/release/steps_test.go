package main

import (
	"os"
	"regexp"
	"testing"
)

// TestTheDocumentedStepsLeaveRulesThatPolkitCanRead looks for redirections, whose
// file has what root's umask leaves, and polkitd is not root.
func TestTheDocumentedStepsLeaveRulesThatPolkitCanRead(t *testing.T) {
	step := regexp.MustCompile(`(?m)^.*monitor_service polkit-rules\s*[|>].*$`)
	readable := regexp.MustCompile(`polkit-rules \| (sudo )?install -m 0644 /dev/stdin /etc/polkit-1/rules\.d/50-monitor_service\.rules$`)
	for _, file := range []string{"../../README.md", "../../deploy/unprivileged.conf", "rules.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := step.FindAllString(string(text), -1)
		if len(lines) == 0 {
			t.Errorf("%s has no such step", file)
		}
		for _, line := range lines {
			if !readable.MatchString(line) {
				t.Errorf("%s: %q depends on the umask", file, line)
			}
		}
	}
}
