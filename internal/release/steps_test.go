package main

import (
	"os"
	"regexp"
	"testing"
)

// TestTheDocumentedStepsKeepGoodRulesAndLeaveSomeThatPolkitCanRead looks for
// redirections, whose file has what root's umask leaves, and polkitd is not
// root; and for a pipe, which writes nothing over the rules that are there
// when polkit-rules fails.
func TestTheDocumentedStepsKeepGoodRulesAndLeaveSomeThatPolkitCanRead(t *testing.T) {
	printed := regexp.MustCompile(`(?m)(\w+=\$\((sudo )?)?monitor_service polkit-rules\)?\s*(&&|[|>]).*\n.*$`)
	good := regexp.MustCompile(`^rules=\$\((sudo )?monitor_service polkit-rules\) &&\n` +
		`\W*printf '%s\\n' "\$rules" \| (sudo )?install -m 0644 /dev/stdin /etc/polkit-1/rules\.d/50-monitor_service\.rules$`)
	for _, file := range []string{"../../README.md", "../../deploy/unprivileged.conf", "rules.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		steps := printed.FindAllString(string(text), -1)
		if len(steps) == 0 {
			t.Errorf("%s has no such step", file)
		}
		for _, step := range steps {
			if !good.MatchString(step) {
				t.Errorf("%s: %q loses good rules, or depends on the umask", file, step)
			}
		}
	}
}
