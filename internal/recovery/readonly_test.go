package recovery

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

func (w *world) refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clearErr = nil
	if err != nil {
		w.clearErr = func(string) error { return err }
	}
}

func (w *world) wantReadOnlyTold(when string, want int) {
	w.t.Helper()
	if n := w.count(WriteBackRefused); n != want {
		w.t.Errorf("%s: read-only was told %d times, want %d", when, n, want)
	}
}

func (w *world) reload(config string) {
	w.engine.Reconfigure(parse(w.t, config), w, false)
	synctest.Wait()
}

func clearAlarmOff() string {
	return strings.Replace(baseConfig, "[monitor]", "clear_alarm = no\n[monitor]", 1)
}

func TestReloadsInReadOnlyModeSayItNoMore(t *testing.T) {
	for name, config := range map[string]string{"refused": baseConfig, "clear_alarm = no": clearAlarmOff()} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, "")
				w.refuse(fmt.Errorf("denied: %w", ErrReadOnly))
				w.reload(config)
				w.raise(1, "nginx")
				w.settle()
				w.wantReadOnlyTold("at first", 1)
				for range 3 {
					w.reload(config)
					w.settle()
				}
				w.wantReadOnlyTold("after three reloads", 1)
				w.wantRestarts("nginx", 1)
			})
		})
	}
}

func TestReadOnlyModeThatHasEndedIsSaidAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.reload(clearAlarmOff())
		w.reload(baseConfig)
		w.wantReadOnlyTold("configured", 1)
		w.refuse(ErrReadOnly)
		w.raise(1, "nginx")
		w.settle()
		w.wantReadOnlyTold("configured otherwise, and refused", 2)
		w.refuse(nil)
		w.reload(baseConfig)
		if w.inAlarm(1) {
			t.Fatal("an account that may write has not cleared the alarm")
		}
		w.refuse(ErrReadOnly)
		w.raise(2, "redis")
		w.settle()
		w.wantReadOnlyTold("refused again after a write", 3)
		w.reload(clearAlarmOff())
		w.wantReadOnlyTold("configured again", 4)
	})
}

// An operator's restart is told to its end, though nobody is told again that
// the account may not write.
func TestRefusalThatIsNoNewsStillEndsTheStory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.refuse(ErrReadOnly)
		w.raise(1, "nginx")
		w.settle()
		w.reload(baseConfig)
		if r := w.reasons("nginx"); len(r) != 1 || r[0] != ReasonNotYetCleared {
			t.Errorf("told %v, want not_yet_cleared", r)
		}
	})
}

func TestConfiguredReadOnlyModeBlamesTheConfigurationAlone(t *testing.T) {
	var told []Event
	e := New(parse(t, clearAlarmOff()), nil, nil, nil, func(ev Event) { told = append(told, ev) })
	defer e.Stop(context.Background())
	if len(told) != 1 || told[0].Err.Error() != "section [database] has clear_alarm = no" {
		t.Errorf("told %v", told)
	}
}
