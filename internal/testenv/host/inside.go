package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// insideVariable says to a test program that it runs on a test host.
const insideVariable = "MONITOR_TEST_INSIDE"

// RunInside runs tests of the calling test program on a host of their own: the
// program puts itself there. pattern is that of "go test -run". It fails where
// there is no such test, and where one was left out.
func RunInside(t *testing.T, pattern string) {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		t.Skip("this is the test host")
	}
	h := Boot(t, Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := "/root/" + filepath.Base(self)
	h.PutFile(t, self, program, 0o755)
	out, err := h.Run(t, "env", insideVariable+"=1", program, "-test.run="+pattern, "-test.v")
	t.Log(out)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "no tests to run") || strings.Contains(out, "--- SKIP") {
		t.Error("not all tests were run")
	}
}

// RequireInside skips a test that only RunInside is to run.
func RequireInside(t *testing.T) {
	t.Helper()
	if os.Getenv(insideVariable) == "" {
		t.Skip("run on a test host, by the test that boots one")
	}
}
