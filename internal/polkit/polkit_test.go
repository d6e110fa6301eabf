package polkit

import (
	"strings"
	"testing"
)

func TestRulesNameTheUserAndEachUnitOnce(t *testing.T) {
	rules, err := Rules("monitor", []string{"nginx.service", "a.service", "nginx.service"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`subject.user !== "monitor"`, "[\n        \"a.service\",\n        \"nginx.service\",\n    ]", `["restart", "reset-failed"]`} {
		if !strings.Contains(rules, want) {
			t.Errorf("the rules do not have %s:\n%s", want, rules)
		}
	}
}

func TestANameCannotEndItsLiteral(t *testing.T) {
	rules, err := Rules(`u"); evil("`, []string{"a\"]; evil([\"\n.service", `b\x2d.service`})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"u\"); evil(\""`, `"a\"]; evil([\"\n.service"`, `"b\\x2d.service"`} {
		if !strings.Contains(rules, want) {
			t.Errorf("the rules do not have %s:\n%s", want, rules)
		}
	}
}
