package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testFile = "config.ini"

// minimal is the least that a configuration has to say.
const minimal = "[database]\nuser = u\ndatabase = d\n"

// accepted parses a configuration that is expected to have no mistakes.
func accepted(t *testing.T, text string, environ ...string) (*Config, []Warning) {
	t.Helper()
	c, warnings, err := Parse(testFile, []byte(text), environ)
	if err != nil {
		t.Fatalf("refused:\n%v", err)
	}
	return c, warnings
}

// refused parses a configuration that is expected to have mistakes.
func refused(t *testing.T, text string, environ ...string) Mistakes {
	t.Helper()
	c, _, err := Parse(testFile, []byte(text), environ)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) == 0 || c != nil {
		t.Fatalf("accepted: %v, error %v", c, err)
	}
	return mistakes
}

// onlyMistake parses a configuration that is expected to have one mistake, and
// that its text contains all of these.
func onlyMistake(t *testing.T, text string, contains ...string) Mistake {
	t.Helper()
	mistakes := refused(t, text)
	if len(mistakes) != 1 {
		t.Fatalf("%d mistakes, want one:\n%v", len(mistakes), mistakes)
	}
	for _, c := range contains {
		if !strings.Contains(mistakes.Error(), c) {
			t.Errorf("%q does not say %q", mistakes.Error(), c)
		}
	}
	return mistakes[0]
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	return path
}

func warningTexts(warnings []Warning) string {
	lines := make([]string, len(warnings))
	for i, w := range warnings {
		lines[i] = w.String()
	}
	return strings.Join(lines, "\n")
}
