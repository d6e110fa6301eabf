package daemon

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/control"
	"monitor_service/internal/recovery"
)

var root = recovery.Operator{Name: "root", PID: 1}

// desk is that of a daemon which polls when it is asked to, and runs until the
// test ends.
func (s *site) desk() *desk {
	s.t.Helper()
	d := s.daemon()
	s.start(d)
	return &desk{d: d}
}

func (s *site) poll(k *desk) {
	s.t.Helper()
	if _, err := k.CheckNow(s.t.Context(), root); err != nil {
		s.t.Fatal(err)
	}
}

func TestOperatorsAreAnsweredWhoseDaemonHasNoStateDirectory(t *testing.T) {
	s := newSite(t)
	if err := os.WriteFile(s.path("state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.configure("", "[process.p]\n")
	k := s.desk()
	done, err := k.Pause(t.Context(), root, "p", time.Hour, "why")
	if err != nil || !done.Changed || !strings.Contains(done.Warning, "end with this daemon") {
		t.Errorf("%+v, %v", done, err)
	}
	s.await("it is said once", func() bool { return strings.Count(s.read("log"), "end with this daemon") == 1 })
	h, err := k.History(t.Context(), "", 10)
	if err != nil || h.Note == "" {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestExplainSaysWhatIsThenDone compares the explanation with the deed.
func TestExplainSaysWhatIsThenDone(t *testing.T) {
	s := newSite(t)
	s.configure("", `[process.good]
pre_restart_command = true %%s
[process.paused]
[process.bad]
health_check_command = false
health_check_timeout = 10ms
`)
	k := s.desk()
	for i, name := range []string{"good", "paused", "bad", "x y"} {
		s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES (?, ?)", i+1, name)
		s.exec("INSERT INTO STATUS_PROCESS (process_id, alarma, sound) VALUES (?, 0, 0)", i+1)
	}
	if _, err := k.Pause(t.Context(), root, "paused", 0, "disks"); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		process, reason string
		acts            bool
		says            []string
	}{
		{"good", "", true, []string{"[process.good]", "true good", "echo good >> ", "clear the alarm"}},
		{"paused", "paused", false, []string{"paused by root (disks)"}},
		{"bad", "", true, []string{"run health_check_command", "breaker opens after 3 more failed recoveries"}},
		{"x y", "unsafe_name", false, []string{"its name may not become part", "no section of its own"}},
	} {
		e, err := k.Explain(t.Context(), c.process)
		if err != nil {
			t.Fatal(err)
		}
		if e.Acts != c.acts || e.Reason != c.reason {
			t.Errorf("%s: acts %t, reason %q: %s", c.process, e.Acts, e.Reason, e.Verdict)
		}
		text := e.Verdict + "\n" + e.Section
		for _, step := range e.Steps {
			text += "\n" + step.What + "\n" + step.Command
		}
		text += "\n" + strings.Join(e.Stops, "\n")
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it does not say %q:\n%s", c.process, want, text)
			}
		}
		before := strings.Count(s.read("log"), "event=recovery_started process="+c.process)
		s.exec("UPDATE STATUS_PROCESS SET alarma = 1 WHERE process_id = ?", i+1)
		s.poll(k)
		s.await(c.process+" was decided about", func() bool {
			log := s.read("log")
			if c.acts {
				return strings.Count(log, "event=recovery_started process="+c.process) > before
			}
			return strings.Contains(log, "reason="+c.reason)
		})
	}
}

func TestANameThatNobodyKnowsIsRefusedWithTheNearestOne(t *testing.T) {
	s := newSite(t)
	s.configure("", "[process.nginx]\n")
	k := s.desk()
	s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES (1, 'batch-import')")
	s.poll(k)
	for name, near := range map[string]string{"ngnix": "nginx", "batch-imprt": "batch-import", "zzzzzz": ""} {
		for what, ask := range map[string]func() error{
			"status":  func() error { _, err := k.Status(t.Context(), name); return err },
			"history": func() error { _, err := k.History(t.Context(), name, 1); return err },
			"explain": func() error { _, err := k.Explain(t.Context(), name); return err },
			"pause":   func() error { _, err := k.Pause(t.Context(), root, name, 0, ""); return err },
			"resume":  func() error { _, err := k.Resume(t.Context(), root, name); return err },
			"reset":   func() error { _, err := k.Reset(t.Context(), root, name); return err },
			"restart": func() error {
				return k.Restart(t.Context(), root, control.RestartRequest{Process: name}, func(control.Progress) error { return nil })
			},
		} {
			var e *control.Error
			if err := ask(); !errors.As(err, &e) || e.Code != control.CodeUnknownProcess || e.Nearest != near {
				t.Errorf("%s %s: %v, nearest %+v", what, name, err, e)
			}
		}
	}
	if len(k.d.engine.Pauses()) != 0 || len(k.d.engine.Status()) != 0 {
		t.Error("something was changed")
	}
	if _, err := k.Status(t.Context(), "batch-import"); err != nil {
		t.Errorf("a name of the database: %v", err)
	}
}

func TestAWatcherThatDoesNotReadIsLeftBehind(t *testing.T) {
	var w watchers
	slow, other := w.watch("p"), w.watch("q")
	for range watchLength + 10 {
		w.tell(recovery.Event{Process: "p"})
	}
	n := 0
	for range slow.events { // ends, as the channel is closed
		n++
	}
	if n != watchLength {
		t.Errorf("%d events, want %d", n, watchLength)
	}
	if len(other.events) != 0 {
		t.Error("events of another process")
	}
	w.stop(slow)
	w.stop(other)
	if len(w.all) != 0 {
		t.Error("watchers are left")
	}
}
