package command

import (
	"strings"
	"testing"

	"monitor_service/internal/config"
)

func TestOnlyASafeNameGetsIntoACommand(t *testing.T) {
	for _, name := range []string{
		"nginx", "postgresql@14-main", "a.b", "C++", "x:y", "_x", strings.Repeat("a", config.MaxNameLength),
	} {
		got, err := Expand("check %s twice %s", name)
		if err != nil || got != "check "+name+" twice "+name {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
	}
	for _, name := range []string{
		"", "a b", "a;b", "$(id)", "`id`", "a'b", `a"b`, "a\nb", "a\x00b", "a|b", "a>b", "a&b", "*", "a?b", "[a]",
		"../x", "/bin/sh", "-rf", ".", "..", ".hidden", "~root", "a\\b", "{a,b}", "!x", "#x", "a=b", "%s", "näme",
		"a\x7f", strings.Repeat("é", 127), strings.Repeat("a", config.MaxNameLength+1), "nginx\n",
	} {
		if got, err := Expand("check %s", name); err == nil || got != "" {
			t.Errorf("%q: got %q, want an error", name, got)
		}
		if got, err := Expand("check it", name); err != nil || got != "check it" {
			t.Errorf("%q without a place for it: got %q, %v", name, got, err)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, line := range []string{"", "%s", "a %s b %s", "%%s", "date +%s", "100%"} {
		for _, name := range []string{"nginx", "$(id)", "a'b", "-x", "%s", "\x00", "a\nb"} {
			f.Add(line, name)
		}
	}
	f.Fuzz(func(t *testing.T, line, name string) {
		got, err := Expand(line, name)
		pieces := strings.Split(line, "%s")
		switch {
		case len(pieces) == 1:
			if err != nil || got != line {
				t.Fatalf("a line without a place changed: %q, %v", got, err)
			}
		case err != nil:
			if got != "" {
				t.Fatalf("a refused name came with %q", got)
			}
		default:
			if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@:+-") != "" ||
				name == "" || name[0] == '-' || name[0] == '.' {
				t.Fatalf("the name %q got into a command", name)
			}
			if got != strings.Join(pieces, name) {
				t.Fatalf("got %q", got)
			}
		}
	})
}

func TestAQuotedTextIsOneWord(t *testing.T) {
	for _, text := range []string{
		"", "'", "''", `\'`, "a'b'c", "-n", "a  b\nc", `echo $HOME "$HOME" '$HOME' \$HOME; exit 7 # $(id)`, "`echo back`", "ü €",
	} {
		out, err := run(t, Spec{Line: "printf '%s' " + Quoted(text)})
		if err != nil || out != text {
			t.Errorf("%q: got %q, %v", text, out, err)
		}
	}
}
