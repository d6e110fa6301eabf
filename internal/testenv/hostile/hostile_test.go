package hostile

import (
	"testing"
	"unicode/utf8"
)

func TestEveryTextIsThereOnceAndTheTableKeepsItsLength(t *testing.T) {
	seen := map[string]bool{}
	broken := 0
	for _, text := range Texts() {
		if text.Text == "" || text.Reason == "" || seen[text.Text] {
			t.Errorf("%q is empty, there twice, or has no reason", text.Text)
		}
		seen[text.Text] = true
		if !utf8.ValidString(text.Text) {
			broken++
		}
	}
	if len(seen) < 150 || broken < 5 {
		t.Errorf("%d texts, %d of them no UTF-8: somebody has made the table shorter", len(seen), broken)
	}
}
