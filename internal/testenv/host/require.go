package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Require skips the test where no machine can be booted, and says what is
// missing and how to get it. With CI=true nothing may be left out, and the
// test fails instead.
func Require(t testing.TB) {
	t.Helper()
	require(t, missing())
}

func require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("needs a test host: %v", err)
	default:
		t.Skipf("needs a test host: %v", err)
	}
}

// missing says what is missing to boot an existing root file system.
func missing() error {
	if os.Geteuid() != 0 {
		return errors.New("only root can boot one; run the tests as root")
	}
	return errors.Join(
		needs("systemd-nspawn", "systemd-container"),
		needs("nsenter", "util-linux"),
	)
}

func needs(program, pkg string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s is not installed; apt-get install %s", program, pkg)
	}
	return nil
}
