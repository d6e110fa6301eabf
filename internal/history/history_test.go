package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/state"
)

var (
	at      = time.Date(2026, 11, 23, 2, 49, 46, 0, time.UTC)
	service = recovery.Target{Strategy: config.StrategyService, Unit: "p.service", Command: "canary"}
)

func quiet(t *testing.T) Report {
	return func(err error, _ time.Duration) { t.Errorf("reported: %v", err) }
}

// failedOnce are the events of a recovery whose first attempt fails.
func failedOnce(process string, began time.Time) []recovery.Event {
	ev := func(kind recovery.Kind, after, took time.Duration, attempt int) recovery.Event {
		return recovery.Event{
			Kind: kind, At: began.Add(after), Process: process, IDs: []int64{7}, Target: service,
			Attempt: attempt, Attempts: 2, Took: took,
		}
	}
	bad := ev(recovery.AttemptFailed, 2*time.Second, 2*time.Second, 1)
	bad.Reason, bad.Err = recovery.ReasonHealthCheck, errors.New("the check said: connection refused")
	return []recovery.Event{
		ev(recovery.RecoveryStarted, 0, 0, 0),
		ev(recovery.Restarted, time.Second, time.Second, 1), bad,
		ev(recovery.Restarted, 4*time.Second, time.Second, 2),
		ev(recovery.HealthPassed, 5*time.Second, time.Second, 2),
		ev(recovery.RecoverySucceeded, 5*time.Second, 5*time.Second, 2),
		ev(recovery.Cleared, 6*time.Second, 0, 0),
	}
}

func observe(r *Recorder, events ...recovery.Event) {
	for _, ev := range events {
		r.Observe(ev)
	}
}

func TestARecoveryIsRememberedWithItsAttemptsAndWhatItsCheckSaid(t *testing.T) {
	r := New(nil, quiet(t))
	observe(r, failedOnce("p", at)...)
	r.Stop()
	want := []Recovery{{
		Process: "p", IDs: []int64{7}, Strategy: "service", Unit: "p.service",
		Began: at, Ended: at.Add(5 * time.Second), Seconds: 5, Outcome: Succeeded, MaxAttempts: 2,
		Attempts: []Attempt{
			{Number: 1, Ended: at.Add(2 * time.Second), Seconds: 2, RestartSeconds: 1, Reason: "health_check_failed", Error: "the check said: connection refused"},
			{Number: 2, Ended: at.Add(5 * time.Second), Seconds: 2, RestartSeconds: 1, Succeeded: true},
		},
		Afterwards: "alarm_cleared",
	}}
	if diff := cmp.Diff(want, r.List("p", 0)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[0], r.Last()["p"]); diff != "" {
		t.Error(diff)
	}
	if got := r.List("q", 0); len(got) != 0 {
		t.Errorf("another process has %v", got)
	}
}

func TestARecoveryThatFailsBeforeItsFirstAttempt(t *testing.T) {
	r := New(nil, quiet(t))
	observe(r, recovery.Event{
		Kind: recovery.RecoveryFailed, At: at, Process: "p", Took: time.Second, Attempts: 2,
		Reason: recovery.ReasonResolve, Err: errors.New("no bus"), By: recovery.Operator{Name: "alice"},
	})
	r.Stop()
	got := r.List("p", 0)
	if len(got) != 1 || got[0].Outcome != Failed || got[0].Reason != "resolve_failed" || got[0].Error != "no bus" ||
		!got[0].Began.Equal(at.Add(-time.Second)) || got[0].By != "alice" {
		t.Errorf("%+v", got)
	}
}

func TestARecoveryUnderWayIsListedAsRunning(t *testing.T) {
	r := New(nil, quiet(t))
	observe(r, failedOnce("p", at)[:3]...)
	r.Stop()
	got := r.List("", 0)
	if len(got) != 1 || got[0].Outcome != Running || len(got[0].Attempts) != 1 {
		t.Errorf("%+v", got)
	}
	if len(r.Last()) != 0 {
		t.Error("it is said to have ended")
	}
}

// TestARecoveryOfWhichTheAlarmAloneIsLeftIsNotUnderWay is about a successor in
// read-only mode: nothing follows but the owner's clearing of the alarm.
func TestARecoveryOfWhichTheAlarmAloneIsLeftIsNotUnderWay(t *testing.T) {
	resumed := recovery.Event{Kind: recovery.RecoveryResumed, At: at, Process: "p", IDs: []int64{7}, Attempts: 2}
	r := New(nil, quiet(t))
	observe(r, resumed)
	r.Stop()
	if got := r.List("p", 0); len(got) != 0 {
		t.Errorf("before the alarm is cleared: %+v", got)
	}

	r = New(nil, quiet(t))
	later := at.Add(time.Hour)
	observe(r, resumed, recovery.Event{Kind: recovery.AlarmGone, At: at.Add(time.Minute), Process: "p"},
		recovery.Event{Kind: recovery.RecoveryFailed, At: later, Process: "p", Took: time.Second, Reason: recovery.ReasonResolve})
	r.Stop()
	if got := r.List("p", 0); len(got) != 1 || !got[0].Began.Equal(later.Add(-time.Second)) {
		t.Errorf("the recovery after it: %+v", got)
	}
}

func TestATakenOverRecoveryIsUnderWayOnceItHasAnAttempt(t *testing.T) {
	r := New(nil, quiet(t))
	observe(r, recovery.Event{Kind: recovery.RecoveryResumed, At: at, Process: "p", Attempts: 2},
		recovery.Event{Kind: recovery.Restarted, At: at.Add(time.Second), Process: "p", Attempt: 1, Attempts: 2, Took: time.Second})
	r.Stop()
	if got := r.List("p", 0); len(got) != 1 || got[0].Outcome != Running || !got[0].Began.Equal(at) {
		t.Errorf("%+v", got)
	}
}

func open(t *testing.T, dir string) *state.Dir {
	t.Helper()
	d, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestHistorySurvivesARestart(t *testing.T) {
	d := open(t, t.TempDir())
	first := New(NewFile(d), quiet(t))
	observe(first, failedOnce("p", at)...)
	observe(first, failedOnce("q", at.Add(time.Minute))...)
	first.Stop()
	second := New(NewFile(d), quiet(t))
	flapped := recovery.Event{Kind: recovery.Flapped, At: at.Add(time.Hour), Process: "p"}
	observe(second, flapped)
	second.Stop()
	third := New(NewFile(d), quiet(t))
	defer third.Stop()
	want := first.List("", 0)
	want[0].Afterwards = "flapped"
	if diff := cmp.Diff(want, third.List("", 0)); diff != "" {
		t.Error(diff)
	}
}

func TestATornOrForeignLineIsMovedAsideAndTheRestIsKept(t *testing.T) {
	for name, spoil := range map[string]func(content string) string{
		"torn":    func(c string) string { return c + c[:len(c)/3] },
		"foreign": func(c string) string { return "\x00\x01 what is this\n" + c },
		"null":    func(c string) string { return "null\n" + c },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := open(t, dir)
			r := New(NewFile(d), quiet(t))
			observe(r, failedOnce("p", at)...)
			r.Stop()
			path := filepath.Join(dir, fileName)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			spoilt := spoil(string(content))
			if err := os.WriteFile(path, []byte(spoilt), 0o640); err != nil {
				t.Fatal(err)
			}
			var said []error
			again := New(NewFile(d), func(err error, _ time.Duration) { said = append(said, err) })
			again.Stop()
			if len(said) != 1 || !strings.Contains(said[0].Error(), ".damaged") {
				t.Errorf("said %v, want once where the damaged file is", said)
			}
			if diff := cmp.Diff(r.List("", 0), again.List("", 0)); diff != "" {
				t.Error(diff)
			}
			if aside, err := os.ReadFile(path + ".damaged"); err != nil || string(aside) != spoilt {
				t.Errorf("aside is %q (%v)", aside, err)
			}
			if _, bad := parse(mustRead(t, path)); bad != 0 {
				t.Error("the new file is damaged too")
			}
		})
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestHistoryIsBoundedInNumberAndSize(t *testing.T) {
	dir := t.TempDir()
	r := New(NewFile(open(t, dir)), quiet(t))
	long := strings.Repeat("ă", maxText)
	for i := range 3 * maxPerProcess {
		ev := recovery.Event{
			Kind: recovery.RecoveryFailed, At: at.Add(time.Duration(i) * time.Minute), Process: "noisy",
			Reason: recovery.ReasonRestart, Err: errors.New(long),
		}
		for n := range 3 * maxAttempts {
			try := ev
			try.Kind, try.Attempt = recovery.AttemptFailed, n+1
			r.Observe(try)
		}
		r.Observe(ev)
		for len(r.queue) > queueLength/2 {
			time.Sleep(time.Millisecond)
		}
	}
	for i := range 2 * maxRecoveries {
		r.Observe(recovery.Event{Kind: recovery.RecoveryFailed, At: at.Add(time.Duration(i) * time.Minute), Process: fmt.Sprint("p", i)})
		for len(r.queue) > queueLength/2 {
			time.Sleep(time.Millisecond)
		}
		if i == 0 {
			noisy := 0
			for len(r.queue) > 0 {
				time.Sleep(time.Millisecond)
			}
			for _, e := range r.List("noisy", 0) {
				noisy++
				if len(e.Attempts) > maxAttempts || len(e.Error) > maxText+len("…") {
					t.Fatalf("%d attempts, error of %d bytes", len(e.Attempts), len(e.Error))
				}
			}
			if noisy > maxPerProcess {
				t.Errorf("%d recoveries of one process", noisy)
			}
		}
	}
	r.Stop()
	if got := len(r.List("", 0)); got > maxRecoveries {
		t.Errorf("%d recoveries", got)
	}
	if r.Lost() != 0 {
		t.Errorf("%d events lost", r.Lost())
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil || info.Size() > 4*maxSize || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
}

// brokenStore takes nothing until it is mended.
type brokenStore struct{ err error }

func (s *brokenStore) Load() ([]Recovery, error)                { return nil, nil }
func (s *brokenStore) Save([]Recovery, func() []Recovery) error { return s.err }

func TestADiskThatIsFullIsSaidOnceOnTheWayInAndOnceOnTheWayOutWithItsLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		store := &brokenStore{err: full}
		var said []string
		r := New(store, func(err error, took time.Duration) { said = append(said, fmt.Sprint(err, " ", took)) })
		for i := range 5 {
			observe(r, failedOnce("p", at.Add(time.Duration(i)*time.Minute))...)
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		store.err = nil
		for i := range 2 {
			observe(r, failedOnce("p", at.Add(time.Duration(i)*time.Hour))...)
			synctest.Wait()
		}
		r.Stop()
		if want := []string{full.Error() + " 0s", "<nil> 5m0s"}; !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
		if got := len(r.List("p", 0)); got != 7 {
			t.Errorf("%d recoveries remembered, want 7", got)
		}
	})
}

// stuckStore holds up whoever saves.
type stuckStore struct{ stuck, release chan struct{} }

func (s *stuckStore) Load() ([]Recovery, error) { return nil, nil }
func (s *stuckStore) Save([]Recovery, func() []Recovery) error {
	select {
	case s.stuck <- struct{}{}:
	default:
	}
	<-s.release
	return nil
}

func TestAStuckDiskHoldsNobodyUp(t *testing.T) {
	store := &stuckStore{stuck: make(chan struct{}, 1), release: make(chan struct{})}
	r := New(store, quiet(t))
	observe(r, failedOnce("p", at)...)
	<-store.stuck               // before that the queue is emptied as fast as it is filled
	for range 2 * queueLength { // returns, or the test never ends
		observe(r, failedOnce("p", at)[5])
	}
	if r.Lost() == 0 {
		t.Error("nothing was lost: the queue has no bound")
	}
	if got := r.List("p", 1); len(got) > 1 {
		t.Error("the list waits for the disk")
	}
	close(store.release)
	r.Stop()
}
