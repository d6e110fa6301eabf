package command

import (
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"monitor_service/internal/config"
	"monitor_service/internal/testenv/hostile"
)

// FuzzExpandedWord holds that a name which gets into a command is one word to a
// real shell, and that one which does not get in leaves nothing to run.
func FuzzExpandedWord(f *testing.F) {
	for _, name := range []string{"nginx", "postgresql@14-main", "a.b", "C++", "x:y", "_x", "@x", "+x", ":", "0", "a:b@c.d+e-f"} {
		f.Add(name)
	}
	for _, text := range hostile.Texts() {
		f.Add(text.Text)
	}
	f.Fuzz(func(t *testing.T, name string) {
		line, err := Expand("printf '<%b>' %s x%s '%s' \"%s\"", name)
		if err != nil {
			if line != "" || config.SafeName(name) {
				t.Fatalf("%q: %q, %v", name, line, err)
			}
			return
		}
		if !config.SafeName(name) {
			t.Fatalf("the name %q got into %q", name, line)
		}
		out, err := exec.Command(Shell, "-c", line).Output()
		want := "<" + name + "><x" + name + "><" + name + "><" + name + ">"
		if err != nil || string(out) != want {
			t.Fatalf("the shell makes %q of %q, %v; want %q", out, line, err, want)
		}
	})
}

// FuzzVariables holds that a name in a command's environment is one value
// there: text that the kernel and systemd take, the same where it was such
// text already.
func FuzzVariables(f *testing.F) {
	for _, text := range hostile.Texts() {
		f.Add(text.Text)
	}
	f.Fuzz(func(t *testing.T, name string) {
		env := Variables(name, 17, 2)
		value, ok := strings.CutPrefix(env[0], "MONITOR_PROCESS_NAME=")
		if len(env) != 3 || !ok || env[1] != "MONITOR_PROCESS_ID=17" || env[2] != "MONITOR_ATTEMPT=2" {
			t.Fatalf("%q", env)
		}
		if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			t.Fatalf("%q became %q", name, value)
		}
		if utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl) && value != name {
			t.Fatalf("%q became %q for no reason", name, value)
		}
		if utf8.RuneCountInString(value) > utf8.RuneCountInString(name) {
			t.Fatalf("%q grew to %q", name, value)
		}
	})
}
