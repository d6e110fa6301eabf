package metrics

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"monitor_service/internal/breaker"
	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
)

var at = time.Date(2026, 11, 23, 2, 49, 46, 0, time.UTC)

// stage is a daemon and a host as the tests want them.
type stage struct {
	*Metrics
	t *testing.T

	mu     sync.Mutex
	now    Snapshot
	unit   func(ctx context.Context, name string) (systemd.Unit, error)
	usage  func(names, units []string, stop func() error) (byName, byUnit map[string]proctable.Usage, err error)
	asked  []string
	walked int
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, now: Snapshot{AlarmStates: []string{"alarm", "open"}}}
	s.unit = func(context.Context, string) (systemd.Unit, error) {
		return systemd.Unit{LoadState: systemd.LoadNotFound}, nil
	}
	s.usage = func(_, _ []string, _ func() error) (map[string]proctable.Usage, map[string]proctable.Usage, error) {
		return nil, nil, nil
	}
	var err error
	s.Metrics, err = New(Options{Version: "1.2.3", Revision: "abc", Now: s.snapshot, Units: s, Table: s})
	if err != nil {
		t.Fatal(err)
	}
	s.fresh = 0
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func (s *stage) snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) Unit(ctx context.Context, name string) (systemd.Unit, error) {
	s.mu.Lock()
	s.asked = append(s.asked, name)
	s.mu.Unlock()
	if name == aliveUnit {
		_, err := s.unit(ctx, name)
		return systemd.Unit{}, err
	}
	return s.unit(ctx, name)
}

func (s *stage) Usage(names, units []string, stop func() error) (byName, byUnit map[string]proctable.Usage, err error) {
	s.mu.Lock()
	s.walked++
	s.mu.Unlock()
	return s.usage(names, units, stop)
}

// scrape makes a scrape over HTTP and returns the series with their values.
func (s *stage) scrape() map[string]float64 {
	s.t.Helper()
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	return scrape(s.t, server.URL)
}

func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	answer := httptest.NewRecorder()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := answer.Body.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %.1000s", response.Status, err, answer.Body)
	}
	series := make(map[string]float64)
	for text := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(text, "#") {
			continue
		}
		end := strings.LastIndexByte(text, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(text[end:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		series[strings.TrimPrefix(text[:end], prefix)] = v
	}
	return series
}

// want compares some series; absent is one that must not be there.
func want(t *testing.T, got map[string]float64, wanted map[string]float64) {
	t.Helper()
	for name, w := range wanted {
		v, ok := got[name]
		switch {
		case w == absent && ok:
			t.Errorf("%s is %v, want none", name, v)
		case w != absent && !ok:
			t.Errorf("there is no %s, want %v", name, w)
		case w != absent && v != w:
			t.Errorf("%s is %v, want %v", name, v, w)
		}
	}
}

const absent = -1

// of counts the series of one metric.
func of(got map[string]float64, name string) int {
	n := 0
	for series := range got {
		if series == name || strings.HasPrefix(series, name+"{") {
			n++
		}
	}
	return n
}

func service(name string) recovery.Target {
	return recovery.Target{Strategy: config.StrategyService, Unit: name + ".service"}
}

func TestEventsAreCounted(t *testing.T) {
	s := newStage(t)
	s.now.Processes = []Process{{Name: "nginx"}, {Name: "batch"}}
	before := s.scrape()
	for _, ev := range []recovery.Event{
		{Kind: recovery.AlarmFound, Process: "nginx"},
		{Kind: recovery.RecoveryStarted, Process: "nginx", Target: service("nginx")},
		{Kind: recovery.RecoverySucceeded, Process: "nginx", Target: service("nginx"), Took: 3 * time.Second},
		{Kind: recovery.Cleared, Process: "nginx"},
		{Kind: recovery.Flapped, Process: "nginx"},
		{Kind: recovery.RecoveryStarted, Process: "batch", Target: recovery.Target{Strategy: config.StrategyCustom}},
		{Kind: recovery.AttemptFailed, Process: "batch", Reason: recovery.ReasonRestart},
		{Kind: recovery.AttemptFailed, Process: "batch", Reason: recovery.ReasonHealthCheck},
		{Kind: recovery.RecoveryFailed, Process: "batch", Target: recovery.Target{Strategy: config.StrategyCustom}, Reason: recovery.ReasonHealthCheck, Took: time.Hour},
		{Kind: recovery.RecoveryFailed, Process: "batch", Reason: recovery.ReasonResolve},
		{Kind: recovery.RecoveryInterrupted, Process: "batch", Target: recovery.Target{Strategy: config.StrategyProcess}, Took: time.Second},
		{Kind: recovery.BreakerOpened, Process: "batch"},
		{Kind: recovery.BreakerHalfOpen, Process: "batch"},
		{Kind: recovery.BreakerClosed, Process: "batch"},
		{Kind: recovery.NotActing, Process: "batch", Reason: recovery.ReasonBreakerOpen},
		{Kind: recovery.NotActing, Process: "x; reboot", Reason: recovery.ReasonUnsafeName},
		{Kind: recovery.Superseded},
		{Kind: recovery.WriteBackFailed},
		{Kind: recovery.WriteBackRefused},
	} {
		s.Observe(ev)
	}
	after := s.scrape()
	counted := map[string]float64{
		`events_total{event="alarm_found"}`:                      1,
		`events_total{event="recovery_failed"}`:                  2,
		`recovery_duration_seconds_count{outcome="succeeded"}`:   1,
		`recovery_duration_seconds_sum{outcome="succeeded"}`:     3,
		`recovery_duration_seconds_count{outcome="failed"}`:      2,
		`recovery_duration_seconds_count{outcome="interrupted"}`: 1,
		`recovery_failures_total{reason="health_check_failed"}`:  1,
		`recovery_failures_total{reason="resolve_failed"}`:       1,
		`attempt_failures_total{reason="restart_failed"}`:        1,
		`attempt_failures_total{reason="health_check_failed"}`:   1,
		`breaker_transitions_total{state="open"}`:                1,
		`breaker_transitions_total{state="half_open"}`:           1,
		`breaker_transitions_total{state="closed"}`:              1,
		`refusals_total{reason="breaker_open"}`:                  1,
		`refusals_total{reason="unsafe_name"}`:                   1,
		`write_backs_total{outcome="cleared"}`:                   1,
		`write_backs_total{outcome="superseded"}`:                1,
		`write_backs_total{outcome="failed"}`:                    1,
		`write_backs_total{outcome="refused"}`:                   1,
		`flaps_total{process="nginx"}`:                           1,
		`flaps_total{process="batch"}`:                           0,
	}
	for name := range counted {
		if v, ok := before[name]; !ok || v != 0 {
			t.Errorf("%s began as %v, %t: its first increase would not be seen", name, v, ok)
		}
	}
	want(t, after, counted)
	want(t, after, map[string]float64{
		`recoveries_total{outcome="succeeded",process="nginx",strategy="service"}`:   1,
		`recoveries_total{outcome="failed",process="nginx",strategy="service"}`:      0,
		`recoveries_total{outcome="failed",process="batch",strategy="custom"}`:       1,
		`recoveries_total{outcome="failed",process="batch",strategy="unknown"}`:      1,
		`recoveries_total{outcome="interrupted",process="batch",strategy="process"}`: 1,
		`recovery_duration_seconds_bucket{outcome="succeeded",le="2.5"}`:             0,
		`recovery_duration_seconds_bucket{outcome="succeeded",le="5"}`:               1,
	})
}

func TestARecoveryIsThereAsZeroBeforeItEnds(t *testing.T) {
	s := newStage(t)
	s.now.Processes = []Process{{Name: "nginx"}}
	s.Observe(recovery.Event{Kind: recovery.RecoveryStarted, Process: "nginx", Target: service("nginx")})
	want(t, s.scrape(), map[string]float64{
		`recoveries_total{outcome="succeeded",process="nginx",strategy="service"}`: 0,
		`recoveries_total{outcome="failed",process="nginx",strategy="service"}`:    0,
	})
}

// TestEveryReasonForNotActingHasItsSeries walks the vocabulary: a reason that
// is left out of refusals would begin at 1.
func TestEveryReasonForNotActingHasItsSeries(t *testing.T) {
	s := newStage(t)
	got := s.scrape()
	told := map[recovery.Reason]bool{ // by events of their own, see recovery.Engine
		recovery.ReasonNone: true, recovery.ReasonRunning: true, recovery.ReasonQueued: true,
		recovery.ReasonWriteBack: true, recovery.ReasonStopping: true,
	}
	for r := range recovery.ReasonResolve {
		if _, ok := got[`refusals_total{reason="`+r.String()+`"}`]; ok == told[r] {
			t.Errorf("the reason %s has a series: %t", r, ok)
		}
	}
}

func TestPollsAndReloadsAreCounted(t *testing.T) {
	s := newStage(t)
	s.Polled(PollSucceeded, 3*time.Millisecond)
	s.Polled(PollTransient, 2*time.Second)
	s.Polled(PollDenied, time.Millisecond)
	s.Polled(PollMisconfigured, time.Millisecond)
	s.Polled(PollUnknown, time.Millisecond)
	s.Configured(at, nil)
	got := s.scrape()
	want(t, got, map[string]float64{
		`polls_total{outcome="success"}`:               1,
		`polls_total{outcome="transient"}`:             1,
		`polls_total{outcome="denied"}`:                1,
		`polls_total{outcome="misconfigured"}`:         1,
		`polls_total{outcome="unknown"}`:               1,
		`poll_duration_seconds_count`:                  5,
		`poll_duration_seconds_bucket{le="0.001"}`:     3,
		`poll_duration_seconds_bucket{le="1"}`:         4,
		`config_last_reload_successful`:                1,
		`config_last_reload_success_timestamp_seconds`: float64(at.Unix()),
	})
	s.Misconfigured()
	want(t, s.scrape(), map[string]float64{
		`config_last_reload_successful`:                0,
		`config_last_reload_success_timestamp_seconds`: float64(at.Unix()),
	})
}

func TestStatesAreThoseOfTheMoment(t *testing.T) {
	s := newStage(t)
	want(t, s.scrape(), map[string]float64{
		"database_up": absent, "last_successful_poll_timestamp_seconds": absent,
		"database_down_since_timestamp_seconds": absent,
	})
	s.now = Snapshot{
		Processes: []Process{
			{Name: "a", InAlarm: true, Since: at, State: "open", Breaker: breaker.Snapshot{State: breaker.Open, Failures: 3, NextTrial: at.Add(time.Hour)}},
			{Name: "b", InAlarm: true, Since: at, State: "alarm", Breaker: breaker.Snapshot{State: breaker.HalfOpen, Failures: 2, NextTrial: at}},
			{Name: "c", State: "ok", Since: at, Breaker: breaker.Snapshot{State: breaker.Closed}},
		},
		AlarmStates: []string{"alarm", "open", "paused"},
		Summary:     recovery.Summary{Running: 2, Queued: 3, OwedWriteBacks: 4, ReadOnly: true},
		MaxParallel: 8, Database: Down, LastPoll: at, DownSince: at.Add(time.Minute), CheckInterval: 5 * time.Minute,
		ClearAlarm: true, DryRun: true, PausedAll: true, Paused: 5, HistoryLost: 6,
		Logs:          []Log{{Name: "file", Dropped: 7}, {Name: "console", Up: true}},
		Notifications: []Channel{{Name: "email", Sent: 8, Failed: 9, Lost: 10}},
	}
	got := s.scrape()
	want(t, got, map[string]float64{
		`alarms{state="alarm"}`: 1, `alarms{state="open"}`: 1, `alarms{state="paused"}`: 0,
		`breakers{state="open"}`: 1, `breakers{state="half_open"}`: 1,
		`breaker_state{process="a"}`: 2, `breaker_state{process="b"}`: 1, `breaker_state{process="c"}`: 0,
		`breaker_failures{process="a"}`: 3, `breaker_failures{process="c"}`: 0,
		`breaker_next_trial_timestamp_seconds{process="a"}`: float64(at.Add(time.Hour).Unix()),
		`breaker_next_trial_timestamp_seconds{process="c"}`: absent,
		`alarm_since_timestamp_seconds{process="a"}`:        float64(at.Unix()),
		`alarm_since_timestamp_seconds{process="c"}`:        absent,
		`recoveries_running`:                                2, `recoveries_queued`: 3, `recoveries_running_limit`: 8, `write_backs_owed`: 4,
		`read_only`: 1, `clear_alarm_enabled`: 1, `dry_run`: 1, `paused`: 1, `paused_processes`: 5,
		`processes`: 3, `processes_beyond_limit`: 0,
		`database_up`: 0, `database_down_since_timestamp_seconds`: float64(at.Add(time.Minute).Unix()),
		`last_successful_poll_timestamp_seconds`: float64(at.Unix()), `check_interval_seconds`: 300,
		`log_up{log="file"}`: 0, `log_up{log="console"}`: 1,
		`log_lines_dropped_total{log="file"}`: 7, `log_lines_dropped_total{log="console"}`: 0,
		`history_events_dropped_total`:                        6,
		`notifications_total{channel="email",outcome="sent"}`: 8, `notifications_total{channel="email",outcome="failed"}`: 9,
		`notification_events_dropped_total{channel="email"}`: 10,
	})
	if of(got, "build_info") != 1 || of(got, "go_goroutines") != 1 || of(got, "process_resident_memory_bytes") != 1 {
		t.Error("build_info, go_goroutines or process_resident_memory_bytes is missing")
	}
	s.now.Database, s.now.DownSince = Up, time.Time{}
	want(t, s.scrape(), map[string]float64{"database_up": 1, "database_down_since_timestamp_seconds": absent})
}

// complete makes a stage of which every metric has a series.
func complete(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.unit = func(_ context.Context, name string) (systemd.Unit, error) {
		return systemd.Unit{
			Name: name, ID: name, LoadState: systemd.LoadLoaded, ActiveState: systemd.StateActive, SubState: "running",
			Type: "notify", NRestarts: 2, CPU: 90 * time.Second, Memory: 1 << 20, ActiveSince: at,
		}, nil
	}
	s.now = Snapshot{
		Processes: []Process{{
			Name: "nginx", InAlarm: true, Since: at, State: "alarm", Look: true, Unit: "nginx.service",
			Breaker: breaker.Snapshot{State: breaker.Open, NextTrial: at},
		}},
		AlarmStates: []string{"alarm"}, Database: Down, LastPoll: at, DownSince: at,
		Logs: []Log{{Name: "file", Up: true}}, Notifications: []Channel{{Name: "email"}},
	}
	s.Configured(at, []string{"nginx"})
	s.Observe(recovery.Event{Kind: recovery.RecoverySucceeded, Process: "nginx", Target: service("nginx")})
	return s
}

func TestTheCatalogueIsWhatAScrapeShows(t *testing.T) {
	families, err := complete(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]Entry{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue
		}
		e := Entry{Name: f.GetName(), Type: strings.ToLower(f.GetType().String()), Help: f.GetHelp()}
		for _, l := range f.GetMetric()[0].GetLabel() {
			e.Labels = append(e.Labels, l.GetName())
		}
		shown[e.Name] = e
	}
	for _, e := range Catalogue() {
		got, ok := shown[e.Name]
		if !ok {
			t.Errorf("%s is not shown", e.Name)
		}
		slices.Sort(e.Labels)
		if fmt.Sprint(got) != fmt.Sprint(e) {
			t.Errorf("got %v, want %v", got, e)
		}
		delete(shown, e.Name)
	}
	for name := range shown {
		t.Errorf("%s is not in the catalogue", name)
	}
}

func TestNamesAndTextsKeepPrometheusConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(complete(t).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestAScrapeWithinASecondIsAnsweredFromMemory(t *testing.T) {
	s := complete(t)
	s.fresh = time.Hour
	s.scrape()
	s.Observe(recovery.Event{Kind: recovery.Superseded})
	got := s.scrape()
	if n := len(s.asked); n != 2 { // whether it answers, and nginx.service
		t.Errorf("systemd was asked %d times: %v", n, s.asked)
	}
	want(t, got, map[string]float64{`write_backs_total{outcome="superseded"}`: 1})
}

func TestMoreScrapesThanCanBeAnsweredAreToldToComeAgain(t *testing.T) {
	s := newStage(t)
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	s.now.Processes = []Process{{Name: "a", Look: true}}
	s.usage = func(_, _ []string, _ func() error) (map[string]proctable.Usage, map[string]proctable.Usage, error) {
		entered <- struct{}{}
		<-leave
		return nil, nil, nil
	}
	s.fresh = time.Hour // one look answers all of them
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	codes := make(chan int)
	get := func() {
		response, err := http.Get(server.URL)
		if err != nil {
			t.Error(err)
			codes <- 0
			return
		}
		response.Body.Close()
		codes <- response.StatusCode
	}
	for range maxScrapes + 1 {
		go get()
	}
	<-entered
	if code := <-codes; code != http.StatusServiceUnavailable {
		t.Errorf("one too many was answered with %d", code)
	}
	close(leave)
	for range maxScrapes {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("a scrape was answered with %d", code)
		}
	}
}
