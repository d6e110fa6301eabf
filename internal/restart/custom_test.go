package restart

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

func customOrder(t *testing.T, r *Restarter, name, line string, limit time.Duration) recovery.Order {
	t.Helper()
	p := configured(name, func(p *config.Process) {
		p.Strategy, p.RestartCommand, p.RestartTimeout = config.StrategyCustom, line, limit
	})
	target, err := r.Resolve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return orderFor(p, target)
}

func TestWhatARestartCommandStartsSurvivesIt(t *testing.T) {
	r, name := quick(t), unique("custom")
	rounds := filepath.Join(t.TempDir(), "rounds")
	// It writes to the output that it inherited, and says that it lived on.
	file := program(t, name, "while :; do echo still here; echo x >>"+rounds+"; sleep 0.01; done")
	o := customOrder(t, r, name, file+" & echo started", time.Minute)
	if err := r.Restart(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before := await(t, name)
	begun, _ := os.ReadFile(rounds)
	for {
		if now, _ := os.ReadFile(rounds); len(now) > len(begun)+10 {
			return
		}
		if alive, err := newTable(t).Alive(before); err != nil || !alive {
			t.Fatalf("it did not survive: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestARestartCommandThatFailsSaysWhy(t *testing.T) {
	r := quick(t)
	err := r.Restart(t.Context(), customOrder(t, r, "tool", "echo no disk; exit 9", time.Minute))
	var e *command.Error
	if !errors.As(err, &e) || e.Status != 9 || !strings.Contains(err.Error(), "restart_command: exit status 9; its last output: no disk") {
		t.Errorf("got %v", err)
	}
}

func TestARestartCommandBeyondItsTimeIsEndedWithItsChildren(t *testing.T) {
	r, name := quick(t), unique("late")
	file := program(t, name, stays)
	err := r.Restart(t.Context(), customOrder(t, r, name, file+" & sleep 1000", 300*time.Millisecond))
	var e *command.Error
	if !errors.As(err, &e) || e.Kind != command.KindTimeout {
		t.Fatalf("got %v", err)
	}
	for len(running(t, name)) > 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestPrepare(t *testing.T) {
	r := quick(t)
	for _, c := range []struct{ line, want string }{
		{"", ""},
		{"test %s = tool && test $MONITOR_PROCESS_ID.$MONITOR_ATTEMPT = 7.2", ""},
		{"echo not valid; exit 1", "pre_restart_command: exit status 1; its last output: not valid"},
	} {
		p := configured("tool", func(p *config.Process) { p.PreRestartCommand = c.line })
		err := r.Prepare(t.Context(), orderFor(p, recovery.Target{}))
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%q: got %v, want %q", c.line, err, c.want)
		}
	}
}
