//go:build integration

package systemd

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestATransientUnitIsWhatWasAskedFor(t *testing.T) {
	b, c, ctx := setUp(t)
	err := c.StartTransient(ctx, Transient{
		Name: "ms-app.service", Description: "app, started by monitor_service",
		Command: []string{"/bin/sh", "-c", "exec app --cost=5 100%", "a b", ""},
		User:    "app", WorkingDirectory: "/srv/app", Environment: []string{"A=1", "B=x y"},
		SyslogIdentifier: "app", Oneshot: true, StartTimeout: time.Minute, StopTimeout: 1500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	u, known := b.UnitNow("ms-app.service")
	if !known {
		t.Fatal("there is no such unit")
	}
	want := map[string]any{
		"Description": "app, started by monitor_service",
		"Type":        "oneshot",
		"ExecStart": [][]any{{
			"/bin/sh",
			[]string{"/bin/sh", "-c", "exec app --cost=5 100%", "a b", ""},
			false,
		}},
		"RemainAfterExit":  true,
		"KillMode":         "control-group",
		"CollectMode":      "inactive-or-failed",
		"StandardOutput":   "journal",
		"StandardError":    "journal",
		"User":             "app",
		"WorkingDirectory": "/srv/app",
		"Environment":      []string{"A=1", "B=x y"},
		"SyslogIdentifier": "app",
		"TimeoutStartUSec": uint64(60_000_000),
		"TimeoutStopUSec":  uint64(1_500_000),
	}
	if diff := cmp.Diff(want, u.Transient); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestATransientUnitTakesNoNameThatIsTaken(t *testing.T) {
	_, c, ctx := setUp(t)
	if err := c.StartTransient(ctx, sleeper("a.service")); err != nil {
		t.Fatal(err)
	}
	if err := c.StartTransient(ctx, sleeper("a.service")); !errors.Is(err, ErrUnitExists) {
		t.Errorf("got %v, want ErrUnitExists", err)
	}
	if err := c.Stop(ctx, "a.service"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartTransient(ctx, sleeper("a.service")); err != nil {
		t.Error(err)
	}
}
