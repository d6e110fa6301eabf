package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"monitor_service/internal/testenv"
)

// Require ends the test where no machine can be booted: see testenv.Missing.
func Require(t testing.TB) {
	t.Helper()
	require(t, missing())
}

func require(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		testenv.Missing(t, "needs a test host: %v", err)
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
