package config

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds the promises that do not depend on what the text is: it is
// read without a panic and without a hang; the scanner and ini.v1 agree; what
// is accepted means the same when it is read again, with the line ends of
// Windows, and with more comments and empty lines in it.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/bash.ini", exampleFile} {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.ReplaceAll(string(content), "password_file", "tls_ca"))
	}
	for _, text := range []string{
		minimal, "", "\ufeff" + minimal, "[database]\ndriver = sqlite\npath = /x # y\n",
		minimal + "password = \"a # b\"\n[process.a]\nstart_command = x \"$(y \"z # a\")\" # b\n",
		minimal + "host = 'a' ; b\n[process.a.b]\nunit=-.mount\n[process.a b]\nunit=x\n",
		minimal + "password = %(password)s\\\nport=0300\n", minimal + "[process.default]\nrestart_command=`x\n",
		minimal + "[process.(a+)+$]\nunit=x\nmax_attempts=2\nstop_timeout=1h30m\n", "[a]b]\n- = x\n\"k\"=\"\"\"\n",
		minimal + "[monitor]\nprotected_units = [a-z]* none, x\ncheck_interval=\u0660\n", minimal + "host =\u00a0x\u2028\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "password_file") || strings.Contains(text, "webhook_url_file") {
			return // it would read files of this host
		}
		c, warnings, err := Parse(testFile, []byte(text), nil)
		if err != nil {
			checkMistakes(t, c, err)
			return
		}
		for variant, again := range map[string]string{
			"again":        text,
			"from Windows": "\ufeff" + strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"), "\n", "\r\n"),
			"commented":    strings.ReplaceAll(text, "\n", "\n# [x] = \"\n\n") + "\n;'",
		} {
			if len(again) > maxFile {
				continue
			}
			c2, warnings2, err := Parse(testFile, []byte(again), nil)
			if err != nil {
				t.Fatalf("%s: refused: %v", variant, err)
			}
			options := cmp.Options{cmp.AllowUnexported(Config{})}
			if variant == "commented" { // on other lines
				options = append(options, cmp.Comparer(func(a, b Origin) bool { return a.Section == b.Section && a.Source == b.Source }))
				warnings2 = warnings
			}
			if diff := cmp.Diff(c, c2, options); diff != "" {
				t.Fatalf("%s: %s", variant, diff)
			}
			if diff := cmp.Diff(warnings, warnings2); diff != "" {
				t.Fatalf("%s: %s", variant, diff)
			}
		}
	})
}

func checkMistakes(t *testing.T, c *Config, err error) {
	t.Helper()
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) == 0 || c != nil {
		t.Fatalf("config %v, error %v", c, err)
	}
	if strings.Contains(err.Error(), "two readers of the file") {
		t.Fatalf("the scanner and ini.v1 disagree: %v", err)
	}
	for _, m := range mistakes {
		if m.File == "" || m.Problem == "" {
			t.Fatalf("it says too little: %#v", m)
		}
	}
}

// FuzzValueEnd holds that the end of a value is in the text, and that what is
// cut off is a comment.
func FuzzValueEnd(f *testing.F) {
	for _, text := range []string{" a # b", " \"a # b\" ; c", " \"$(a \"b # c\")\" # d", " `a # b`", " it's # ours", "\\", "${", "'", "0\x00"} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, command bool) {
		end, problem := valueEnd(text, command)
		if end < 0 || end > len(text) {
			t.Fatalf("%q ends at %d", text, end)
		}
		rest := strings.TrimLeft(text[end:], " \t")
		if problem == "" && rest != "" && rest[0] != '#' && (command || rest[0] != ';') {
			t.Fatalf("%q loses %q", text, text[end:])
		}
	})
}
