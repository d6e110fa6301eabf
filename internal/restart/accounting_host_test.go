//go:build e2e

package restart

import (
	"os"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/systemd"
)

// TestRealUnitsAreAccountedFor compares what systemd counts for a unit with
// what the process table says of its control group.
func TestRealUnitsAreAccountedFor(t *testing.T) {
	_, client := onRealSystemd(t)
	// A container may not have been given the controller.
	controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	if err != nil {
		t.Fatal(err)
	}
	memory := strings.Contains(string(controllers), "memory")
	const unit = "systemd-journald.service"
	u, err := client.Unit(t.Context(), unit)
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(u.ActiveSince); u.CPU <= 0 || u.CPU > time.Hour || (u.Memory > 0) != memory || u.Memory > 1<<32 || age < 0 || age > time.Hour {
		t.Errorf("got CPU %s, memory %d, active for %s", u.CPU, u.Memory, age)
	}
	_, byUnit, err := newTable(t).Usage(nil, []string{unit}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	use := byUnit[unit]
	if apart := use.Since.Sub(u.ActiveSince); use.Processes != 1 || use.Memory == 0 || apart > 5*time.Second || apart < -5*time.Second {
		t.Errorf("the process table has %+v, systemd %s", use, u.ActiveSince)
	}
	// The scrape asks about it to know whether systemd answers.
	if u, err := client.Unit(t.Context(), "init.scope"); err != nil || u.LoadState != systemd.LoadLoaded || u.CPU == 0 {
		t.Errorf("got %+v, %v", u, err)
	}
}
