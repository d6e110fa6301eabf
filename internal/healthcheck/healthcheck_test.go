package healthcheck

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

// scripted plays back what systemd says, the last of it for ever.
type scripted struct {
	answers []systemd.Unit
	err     error
	asked   []time.Duration
	begun   time.Time
}

func (s *scripted) Unit(ctx context.Context, name string) (systemd.Unit, error) {
	s.asked = append(s.asked, time.Since(s.begun))
	if s.err != nil {
		return systemd.Unit{}, s.err
	}
	u := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	u.Name, u.ID, u.LoadState = name, name, systemd.LoadLoaded
	return u, ctx.Err()
}

// Running is the next answer without what is a service's. An answer that asks for
// more is given again, whole.
func (s *scripted) Running(ctx context.Context, name string) (systemd.Unit, error) {
	left := s.answers
	u, err := s.Unit(ctx, name)
	if u.ActiveState != systemd.StateActive || u.InvocationID == "" {
		s.answers = left
		if s.err == nil {
			s.asked = s.asked[:len(s.asked)-1]
		}
	}
	u.Type, u.Result, u.NRestarts, u.ID, u.LoadState = "", "", 0, "", systemd.LoadUnknown
	return u, err
}

func unit(state systemd.ActiveState, invocation string) systemd.Unit {
	return systemd.Unit{ActiveState: state, InvocationID: invocation, Result: "success"}
}

// since is a unit that has been active for so long.
func since(active time.Duration) systemd.Unit {
	u := unit(systemd.StateActive, "a")
	u.ActiveFor = active
	return u
}

// another is the unit in another run.
func another(u systemd.Unit, invocation string) systemd.Unit {
	u.InvocationID = invocation
	return u
}

func order(timeout, interval time.Duration) recovery.Order {
	return recovery.Order{
		Process: config.Process{Name: "w", HealthCheckTimeout: timeout, HealthCheckInterval: interval},
		Target:  recovery.Target{Strategy: config.StrategyService, Unit: "w.service"},
	}
}

func TestTheBuiltInCheckOfAUnit(t *testing.T) {
	active, failed := systemd.StateActive, systemd.StateFailed
	restarted := unit(active, "")
	restarted.NRestarts = 1
	oneshot := unit(systemd.StateInactive, "a")
	oneshot.Type = "oneshot"
	failedOneshot := oneshot
	failedOneshot.Result = "exit-code"
	for _, c := range []struct {
		name    string
		answers []systemd.Unit
		passes  bool
		looks   int
		says    string
	}{
		{"has stayed up by the first look", []systemd.Unit{since(time.Second)}, true, 1, ""},
		{"has not stayed up by the first look", []systemd.Unit{since(900 * time.Millisecond), since(1900 * time.Millisecond)}, true, 2, ""},
		{"falls over between the looks, again and again", []systemd.Unit{
			since(900 * time.Millisecond), another(since(100*time.Millisecond), "b"), another(since(200*time.Millisecond), "c"), another(since(300*time.Millisecond), "d"),
		}, false, 4, "started again"},
		{"stays up under a systemd that does not say since when", []systemd.Unit{unit(active, "a")}, true, 2, ""},
		{"stays up under a systemd that gives no invocation", []systemd.Unit{unit(active, "")}, true, 2, ""},
		{"reloads itself", []systemd.Unit{unit(systemd.StateReloading, "a")}, true, 2, ""},
		{
			"comes up late",
			[]systemd.Unit{unit(systemd.StateActivating, "a"), unit(systemd.StateActivating, "a"), unit(active, "a")},
			true, 4, "",
		},
		{"falls over at once", []systemd.Unit{unit(active, "a"), unit(failed, "a")}, false, 4, "is failed"},
		{"is another one each time", []systemd.Unit{
			unit(active, "a"), unit(active, "b"), unit(active, "c"), unit(active, "d"),
		}, false, 4, "started again"},
		{"is restarted by systemd once", []systemd.Unit{unit(active, "a"), unit(active, "b")}, true, 3, ""},
		{"is restarted once by a systemd that gives no invocation", []systemd.Unit{unit(active, ""), restarted}, true, 3, ""},
		{"inactive", []systemd.Unit{unit(systemd.StateInactive, "a")}, false, 4, "is inactive"},
		{"a oneshot that is done", []systemd.Unit{oneshot}, true, 2, ""},
		{"a oneshot that failed", []systemd.Unit{failedOneshot}, false, 4, "exit-code"},
		{"a state that is not known", []systemd.Unit{unit(systemd.StateUnknown, "a")}, false, 4, "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				units := &scripted{answers: c.answers, begun: time.Now()}
				err := New(units, nil, command.Run).Check(t.Context(), order(5*time.Second, time.Second))
				if (err == nil) != c.passes || (err != nil && !strings.Contains(err.Error(), c.says)) {
					t.Errorf("got %v", err)
				}
				if len(units.asked) != c.looks {
					t.Errorf("looked at %v, want %d looks", units.asked, c.looks)
				}
			})
		})
	}
}

func TestLooksAreAnIntervalApartAndEndWithTheTimeout(t *testing.T) {
	for _, c := range []struct {
		name              string
		timeout, interval time.Duration
		want              []time.Duration
	}{
		{"usual", 3 * time.Second, time.Second, []time.Duration{1e9, 2e9}},
		{"an interval as long as the timeout", 4 * time.Second, 4 * time.Second, []time.Duration{1.6e9, 3.2e9}},
		{"an interval beyond the timeout", time.Second, time.Hour, []time.Duration{4e8, 8e8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				units := &scripted{err: systemd.ErrUnavailable, begun: time.Now()}
				err := New(units, nil, command.Run).Check(t.Context(), order(c.timeout, c.interval))
				if !errors.Is(err, systemd.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(units.begun); took != c.timeout {
					t.Errorf("took %s, want %s", took, c.timeout)
				}
				asked := units.asked
				if n := len(asked); n > 0 && asked[n-1] == c.timeout {
					asked = asked[:n-1] // a look at the very end may happen or not
				}
				if len(asked) != len(c.want) {
					t.Fatalf("looked at %v, want %v", asked, c.want)
				}
				for i := range asked {
					if asked[i] != c.want[i] {
						t.Errorf("looked at %v, want %v", asked, c.want)
					}
				}
			})
		})
	}
}

func TestAUnitThatIsUpPassesEvenWithAnIntervalBeyondTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		units := &scripted{answers: []systemd.Unit{unit(systemd.StateActive, "a")}, begun: time.Now()}
		if err := New(units, nil, command.Run).Check(t.Context(), order(time.Second, time.Hour)); err != nil {
			t.Error(err)
		}
	})
}

func TestAStoppingDaemonEndsTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		units := &scripted{answers: []systemd.Unit{unit(systemd.StateFailed, "a")}, begun: time.Now()}
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, stop)
		err := New(units, nil, command.Run).Check(ctx, order(time.Hour, time.Second))
		if took := time.Since(units.begun); !errors.Is(err, context.Canceled) || took != 1500*time.Millisecond {
			t.Errorf("got %v after %s", err, took)
		}
	})
}

// The commands are real: within the bubble the clock stands still while they
// run, and runs on while the check waits.

func TestTheCommandIsRepeatedUntilItPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "runs")
		o := order(time.Minute, time.Second)
		o.Process.HealthCheckCommand = "echo $MONITOR_PROCESS_NAME %s >>" + file + "; test $(wc -l <" + file + ") = 3"
		begun := time.Now()
		if err := New(nil, nil, command.Run).Check(t.Context(), o); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun).Round(time.Second); took != 2*time.Second {
			t.Errorf("three runs took %s", took)
		}
		if text, _ := os.ReadFile(file); string(text) != "w w\nw w\nw w\n" {
			t.Errorf("ran with %q", text)
		}
	})
}

func TestTheErrorCarriesTheLastRunAndTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := order(3500*time.Millisecond, time.Second)
		o.Process.HealthCheckCommand = "echo port is closed; exit 7"
		err := New(nil, nil, command.Run).Check(t.Context(), o)
		var e *command.Error
		if !errors.As(err, &e) || e.Status != 7 {
			t.Fatalf("got %v", err)
		}
		for _, want := range []string{"within 3.5s", "tried 4 times", "exit status 7", "port is closed"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %q", want, err)
			}
		}
	})
}

func TestARunIsKilledAtTheEndOfTheCheck(t *testing.T) {
	o := order(300*time.Millisecond, time.Second)
	o.Process.HealthCheckCommand = "sleep 1000"
	err := New(nil, nil, command.Run).Check(t.Context(), o)
	var e *command.Error
	if !errors.As(err, &e) || e.Kind != command.KindTimeout {
		t.Fatalf("got %v", err)
	}
}

func TestAnUnsafeNameReachesNoShell(t *testing.T) {
	file := filepath.Join(t.TempDir(), "harm")
	o := order(time.Second, time.Second)
	o.Process.Name = "x; touch " + file
	o.Process.HealthCheckCommand = "true %s"
	if err := New(nil, nil, command.Run).Check(t.Context(), o); err == nil {
		t.Error("passed")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the name was run")
	}
}

func TestTheBuiltInCheckOfAProcess(t *testing.T) {
	table, err := proctable.New()
	if err != nil {
		t.Fatal(err)
	}
	name := "a-process-to-check-" + strconv.Itoa(os.Getpid())
	o := order(2*time.Second, 50*time.Millisecond)
	o.Process.Name = name
	o.Target = recovery.Target{Strategy: config.StrategyProcess, Command: name}
	if err := New(nil, table, command.Run).Check(t.Context(), withTimeout(o, 200*time.Millisecond)); err == nil ||
		!strings.Contains(err.Error(), "no process \""+name) {
		t.Errorf("not running: got %v", err)
	}
	run(t, name)
	if err := New(nil, table, command.Run).Check(t.Context(), withTimeout(o, time.Minute)); err != nil {
		t.Errorf("running: got %v", err)
	}
}

// run starts a script of this name that ends with the test.
func run(t *testing.T, name string) {
	t.Helper()
	script := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho ready\nsleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
}

func withTimeout(o recovery.Order, timeout time.Duration) recovery.Order {
	o.Process.HealthCheckTimeout = timeout
	return o
}

func TestAProcessThatIsAnotherOneEachTimeIsNotHealthy(t *testing.T) {
	table, err := proctable.New()
	if err != nil {
		t.Fatal(err)
	}
	name := "a-process-that-falls-over-" + strconv.Itoa(os.Getpid())
	run(t, name)
	l := &processLook{table: table, name: name}
	// What was seen before is gone, as a process that fell over at once is.
	l.before = []proctable.Process{{PID: 1 << 29, Start: 1}}
	if err := l.look(t.Context(), time.Second); err == nil || !strings.Contains(err.Error(), "does not stay") {
		t.Errorf("got %v", err)
	}
	if err := l.look(t.Context(), time.Second); err != nil {
		t.Errorf("it stays now: %v", err)
	}
}

func TestTheErrorIsOfTheLastLookThatHadItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		looks := 0
		err := repeat(t.Context(), 5*time.Second, 0, 2*time.Second, func(_ context.Context, left time.Duration) error {
			if looks++; looks < 3 {
				return refused
			}
			time.Sleep(left)
			return errors.New("killed at its time limit")
		})
		if looks != 3 || !errors.Is(err, refused) {
			t.Errorf("after %d looks: %v", looks, err)
		}
	})
}
