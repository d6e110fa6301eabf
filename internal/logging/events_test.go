package logging

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// said returns the records that events become, as lines of text.
func said(t *testing.T, events ...recovery.Event) []parsed {
	t.Helper()
	var lines []byte
	tell := Events(slog.New(&flatHandler{level: slog.LevelDebug, write: func(e entry) { lines = appendLine(lines, e) }}))
	for _, e := range events {
		tell(e)
	}
	return parseLines(t, string(lines))
}

// allKinds has one event of each kind and, for NotActing, of each reason, with
// every field set.
func allKinds() []recovery.Event {
	full := recovery.Event{
		At: time.Now(), Process: "nginx", IDs: []int64{7, 8}, Target: recovery.Target{Strategy: config.StrategyService, Unit: "nginx.service", Command: "canary"},
		Attempt: 1, Attempts: 2, Reason: recovery.ReasonHealthCheck, Err: errors.New("no"), Took: time.Second, Trial: true, Count: 3,
		Breaker: breaker.Snapshot{State: breaker.Open, Failures: 3, OpenedAt: time.Now(), NextTrial: time.Now()},
		By:      recovery.Operator{Name: "root", PID: 1}, Until: time.Now(), Why: "maintenance",
	}
	var all []recovery.Event
	for full.Kind = recovery.KindUnknown + 1; full.Kind.String() != "unknown"; full.Kind++ {
		all = append(all, full)
		if full.Kind != recovery.NotActing {
			continue
		}
		for e := full; e.Reason.String() != "unknown"; e.Reason++ {
			all = append(all, e)
		}
	}
	return all
}

func TestEveryEventIsOneLineWithAMessageOfItsOwn(t *testing.T) {
	all := allKinds()
	lines := said(t, all...)
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d events", len(lines), len(all))
	}
	messages := map[string]recovery.Kind{}
	for i, line := range lines {
		if line.message == "" || strings.ToUpper(line.message[:1]) != line.message[:1] || strings.Contains(line.message, "unknown") {
			t.Errorf("%v says %q", all[i].Kind, line.message)
		}
		if kind, taken := messages[line.message]; taken && kind != all[i].Kind {
			t.Errorf("%v and %v both say %q", kind, all[i].Kind, line.message)
		}
		messages[line.message] = all[i].Kind
		if line.value("event") != all[i].Kind.String() || line.time != all[i].At.Format(textTime) {
			t.Errorf("%v: %q", all[i].Kind, line)
		}
	}
}

func TestTheAttributesAreTheVocabularyInItsOrder(t *testing.T) {
	var want []string
	for _, word := range Vocabulary() {
		want = append(want, word.Key)
		if word.Meaning == "" || word.Field != "MONITOR_"+strings.ToUpper(word.Key) {
			t.Errorf("%+v", word)
		}
	}
	for _, line := range said(t, allKinds()...) {
		var got []string
		for _, f := range line.fields {
			got = append(got, f.key)
			if strings.Contains(f.value, "canary") {
				t.Error("a command is in the log")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %s", line.message, diff)
		}
	}
}

func TestFieldsThatAreNotSetAreNotSaid(t *testing.T) {
	for _, line := range said(t, recovery.Event{Kind: recovery.AlarmFound, At: time.Now(), Process: "nginx"}) {
		if diff := cmp.Diff([]field{{"event", "alarm_found"}, {"process", "nginx"}}, line.fields, cmp.AllowUnexported(field{})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLevelsSayWhoMustAct(t *testing.T) {
	for _, c := range []struct {
		event recovery.Event
		want  string
	}{
		{recovery.Event{Kind: recovery.AlarmFound}, "INFO"},
		{recovery.Event{Kind: recovery.NotActing, Reason: recovery.ReasonRunning}, "DEBUG"},
		{recovery.Event{Kind: recovery.NotActing, Reason: recovery.ReasonBreakerOpen}, "INFO"},
		{recovery.Event{Kind: recovery.NotActing, Reason: recovery.ReasonUnsafeName}, "WARNING"},
		{recovery.Event{Kind: recovery.NotActing, Reason: recovery.ReasonMasked}, "ERROR"},
		{recovery.Event{Kind: recovery.AttemptFailed}, "WARNING"},
		{recovery.Event{Kind: recovery.RecoverySucceeded}, "INFO"},
		{recovery.Event{Kind: recovery.RecoveryFailed}, "ERROR"},
		{recovery.Event{Kind: recovery.WriteBackRefused}, "WARNING"},
		{recovery.Event{Kind: recovery.BreakerOpened}, "ERROR"},
		{recovery.Event{Kind: recovery.CapReached}, "WARNING"},
		{recovery.Event{Kind: recovery.DatabaseLost}, "ERROR"},
		{recovery.Event{Kind: recovery.DatabaseBack}, "INFO"},
		{recovery.Event{}, "WARNING"},
		{recovery.Event{Kind: 1000}, "WARNING"},
		{recovery.Event{Kind: recovery.NotActing, Reason: 1000}, "WARNING"},
	} {
		if got := said(t, c.event); len(got) != 1 || got[0].level != c.want {
			t.Errorf("%v %v: %q, want %s", c.event.Kind, c.event.Reason, got, c.want)
		}
	}
}

func TestHostileNamesAndErrorsStayBoundedDataOfOneLine(t *testing.T) {
	for _, value := range hostile {
		for _, line := range said(t, recovery.Event{Kind: recovery.RecoveryFailed, Process: value, Err: errors.New(value)}) {
			if value != "" && (line.value("process") != value || line.value("error") != value) {
				t.Errorf("%q became %q", value, line)
			}
		}
	}
	long := strings.Repeat("ț", 10000)
	line := said(t, recovery.Event{
		Kind: recovery.RecoveryFailed, Process: long, Target: recovery.Target{Unit: long}, Err: errors.New(long), IDs: make([]int64, 10000),
	})[0]
	if n := utf8.RuneCountInString(line.value("process")); n != maxName+1 {
		t.Errorf("a name of %d characters", n)
	}
	for _, f := range line.fields {
		if len(f.value) > maxError+40 {
			t.Errorf("%s has %d bytes", f.key, len(f.value))
		}
	}
	if got := line.value("ids"); got != strings.Repeat("0,", maxIDs)+"…" {
		t.Errorf("ids are %q", got)
	}
	if name := strings.Repeat("ț", maxName); said(t, recovery.Event{Process: name})[0].value("process") != name {
		t.Error("a name of 255 characters is cut")
	}
}

func TestABreakerThatOpensSaysWhyAndUntilWhen(t *testing.T) {
	trial := time.Date(2026, 11, 23, 3, 0, 0, 0, time.Local)
	line := said(t, recovery.Event{Kind: recovery.BreakerOpened, Process: "nginx", Breaker: breaker.Snapshot{
		State: breaker.Open, Failures: 3, NextTrial: trial, Reason: "health_check_failed", LastError: "exit status 1",
	}})[0]
	for key, want := range map[string]string{
		"breaker": "open", "failures": "3", "next_trial": trial.Format(time.RFC3339), "reason": "health_check_failed", "error": "exit status 1",
	} {
		if got := line.value(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestAnEventBelowTheLevelIsNotSaid(t *testing.T) {
	path := t.TempDir() + "/x.log"
	l, _ := open(t, settings(path))
	Events(l.Logger())(recovery.Event{Kind: recovery.NotActing, Reason: recovery.ReasonRunning, At: time.Now()})
	if text := read(t, path); text != "" {
		t.Error(text)
	}
}

func TestMessagesListsWhatEventsSay(t *testing.T) {
	listed := map[string]bool{}
	for _, m := range Messages() {
		listed[fmt.Sprint(m.Event, m.Level, m.Text)] = true
		if (m.Reason != "") != (m.Event == recovery.NotActing.String()) {
			t.Errorf("%+v", m)
		}
	}
	for _, line := range said(t, allKinds()...) {
		if line.message != aloneForNoReason && !listed[fmt.Sprint(line.value("event"), line.level, line.message)] {
			t.Errorf("not listed: %q", line)
		}
	}
}
