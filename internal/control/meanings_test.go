package control

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestEveryStateAndOutcomeHasAMeaning reads the constants out of the source.
func TestEveryStateAndOutcomeHasAMeaning(t *testing.T) {
	for _, c := range []struct {
		file, pattern string
		list          []Meaning
	}{
		{"api.go", `(?m)^\t[A-Z]\w+ State = "(\w+)"$`, States()},
		{"../history/recovery.go", `(?m)^\t[A-Z]\w+ +Outcome = "(\w+)"$`, Outcomes()},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, m := range regexp.MustCompile(c.pattern).FindAllStringSubmatch(string(text), -1) {
			want = append(want, m[1])
		}
		for _, m := range c.list {
			got = append(got, m.Word)
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) < 4 || !slices.Equal(got, want) {
			t.Errorf("%s has %q, and explained are %q", c.file, want, got)
		}
	}
}
