package config

import (
	"strings"
	"testing"

	"monitor_service/internal/testenv/hostile"
)

// nameBytes are what a name may have that becomes part of a command or of a
// unit's name. None of them means anything to a shell, within a word, and all
// of them may stand in a unit's name but for the plus.
const nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@:+-"

func FuzzSafeName(f *testing.F) {
	for _, name := range []string{"nginx", "postgresql@14-main", "a.b", "C++", "x:y", "_x", "@x", "", strings.Repeat("a", MaxNameLength)} {
		f.Add(name)
	}
	for _, text := range hostile.Texts() {
		f.Add(text.Text)
	}
	f.Fuzz(func(t *testing.T, name string) {
		plain := strings.Trim(name, nameBytes) == ""
		want := plain && name != "" && len(name) <= MaxNameLength && name[0] != '-' && name[0] != '.'
		if got := SafeName(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
		// Whatever stands beside a safe name, it does not become safe by it.
		if !plain && (SafeName("a"+name) || SafeName(name+"a") || SafeName("a"+name+"a")) {
			t.Errorf("%q is safe with something beside it", name)
		}
	})
}

func TestHostileNamesAreNotSafe(t *testing.T) {
	for _, text := range hostile.Texts() {
		if got, want := SafeName(text.Text), text.Reason != "unsafe_name"; got != want {
			t.Errorf("%q: %t, want %t, as it is left alone for %s", text.Text, got, want, text.Reason)
		}
	}
}
