package command

import (
	"strings"
	"testing"
)

var scripts = []string{
	"echo plain 'quoted' \"double\" `echo back` \\\\ a\\ b; echo c # comment",
	`echo $HOME "$HOME" '$HOME' \$HOME $((1 + 2)) ${HOME%x} $(echo "in $(echo in)")`,
	"echo $0 `echo \\$HOME` '\\0044' \"\\\\$\" $1x 100% %s %b $'a'",
	"printf '%s\\n' \"$HOME\"; exit 7",
	"x=a\necho $x\n",
	"echo 'it'\\''s' $x; kill -TERM $$",
	"echo $; echo 'ü €' \"$HOME\"",
	"exec echo $HOME",
	"if test -n \"$HOME\"; then echo yes; fi && ! false",
}

func TestALiteralScriptDoesTheSame(t *testing.T) {
	for _, script := range scripts {
		literal := Literal(script)
		if strings.ContainsAny(literal, Unsafe) {
			t.Errorf("%q is unsafe", literal)
		}
		wantOut, want := run(t, Spec{Line: script})
		out, got := run(t, Spec{Line: literal})
		if out != wantOut || (want == nil) != (got == nil) || want != nil && want.Error() != got.Error() {
			t.Errorf("%s\ngot  %q, %v\nwant %q, %v", script, out, got, wantOut, want)
		}
	}
	if plain := "exec /usr/bin/app --x='a b' | cat"; Literal(plain) != plain {
		t.Error("a script that needs no change was changed")
	}
}

func TestAQuotedTextIsOneWord(t *testing.T) {
	for _, text := range append(scripts, "", "'", "''", "\\'", "a'b'c", "-n") {
		out, err := run(t, Spec{Line: "printf '%s' " + Quoted(text)})
		if err != nil || out != text {
			t.Errorf("%q: got %q, %v", text, out, err)
		}
	}
}
