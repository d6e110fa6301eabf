// Package testenv says what becomes of a test whose host lacks what it needs.
// What the tests use of real parts is in the packages below this one.
package testenv

import (
	"fmt"
	"os"
	"testing"
)

// Missing ends a test for want of something: it is left out, or fails with
// CI=true, where nothing may be left out. The text says what is missing and how to
// get it.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s; with CI=true no test is left out", text)
	}
	t.Skip(text)
}

// NeedRoot ends a test that only root can make, where the user is another. why
// completes "needs root: ".
func NeedRoot(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "needs root: %s; run the tests as root", why)
	}
}
