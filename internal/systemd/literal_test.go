package systemd

import (
	"fmt"
	"os"
	"os/exec"
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
	sh := func(script string) string {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/home/x  y"}
		out, err := cmd.CombinedOutput()
		return fmt.Sprintf("%s, %v", out, err)
	}
	for _, script := range scripts {
		literal := Literal(script)
		if strings.ContainsAny(literal, altered) {
			t.Errorf("systemd would alter %q", literal)
		}
		if got, want := sh(literal), sh(script); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", script, got, want)
		}
	}
	if plain := "exec /usr/bin/app --x='a b' | cat"; Literal(plain) != plain {
		t.Error("a script that needs no change was changed")
	}
}
