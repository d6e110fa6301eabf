package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestTheManualHasEveryExitStatus compares it with the constants of the code.
func TestTheManualHasEveryExitStatus(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), "cli.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "exit") {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok {
			want = append(want, value.Value)
		}
		return true
	})
	var got []string
	for _, e := range ExitStatuses().Entries {
		got = append(got, e.Term)
	}
	if len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("the manual has the exit statuses %v, the code %v", got, want)
	}
}

func TestHelpEndsWithTheExitStatuses(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}, {"restart", "--help"}, {"help", "status"}, nil} {
		_, out, _ := call(t, args...)
		if !strings.HasSuffix(out, "\nExit status: 0 done; 1 failed, refused, or no permission; 2 wrong usage; 3 the daemon is not running; "+
			"78 the configuration has mistakes, or is not there.\n") {
			t.Errorf("%v: %s", args, out)
		}
	}
	if _, out, _ := call(t, "run", "--help"); !strings.Contains(out, "Signals: SIGTERM, SIGINT stop the daemon; SIGHUP reloads the configuration; SIGUSR1 polls the database now.\n") {
		t.Error(out)
	}
}

func TestTheManualIsPlainText(t *testing.T) {
	for _, s := range Manual() {
		for _, e := range s.Entries {
			if e.Term == "" || e.Text == "" || strings.HasSuffix(e.Text, ".") || strings.ContainsAny(e.Term+e.Text, "\n*`<>\\") {
				t.Errorf("%s: %+v", s.Title, e)
			}
		}
	}
}
