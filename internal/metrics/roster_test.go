package metrics

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"monitor_service/internal/config"
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
)

// hostile are names as an enemy would put them into the database, all
// different.
func hostile(n int) []string {
	names := make([]string, n)
	for i := range names {
		switch i % 5 {
		case 0:
			names[i] = fmt.Sprintf("plain-%d", i)
		case 1:
			names[i] = fmt.Sprintf("\xff\xfe\"} 1\nup 1\n\x00\x1b[31m%d", i)
		case 2:
			names[i] = strings.Repeat("ä", 200) + fmt.Sprint(i)
		case 3:
			names[i] = fmt.Sprintf("%d\u202e\\x00", i)
		case 4:
			names[i] = fmt.Sprintf("%s%d", strings.Repeat("\x01", i%97), i)
		}
	}
	return names
}

func TestAHundredThousandHostileNamesAreBoundedAndCounted(t *testing.T) {
	const n = 100_000
	s := newStage(t)
	s.Configured(at, []string{"billing", "nginx"})
	names := append([]string{"billing", "nginx"}, hostile(n)...)
	names = append(names, "", others)
	two := []Process{{Name: "billing"}, {Name: "nginx"}}
	s.now.Processes = two
	before := s.scrape()
	s.now.Processes = nil
	for _, name := range names {
		target := service("x")
		s.Observe(recovery.Event{Kind: recovery.RecoveryStarted, Process: name, Target: target})
		s.Observe(recovery.Event{Kind: recovery.RecoveryFailed, Process: name, Target: target, Reason: recovery.ReasonRestart})
		s.Observe(recovery.Event{Kind: recovery.Flapped, Process: name})
	}
	for _, name := range names {
		s.now.Processes = append(s.now.Processes, Process{Name: name, InAlarm: true, Since: at, State: "alarm", Look: true})
	}
	s.usage = func(names, _ []string, _ func() error) (map[string]proctable.Usage, map[string]proctable.Usage, error) {
		byName := make(map[string]proctable.Usage)
		for _, name := range names {
			byName[name] = proctable.Usage{Processes: 1, CPU: 1, Memory: 1, Since: at}
		}
		return byName, nil, nil
	}
	got := s.scrape()
	for _, name := range []string{
		"flaps_total", "breaker_state", "breaker_failures", "alarm_since_timestamp_seconds", "process_running",
		"process_cpu_seconds_total", "process_memory_bytes", "process_start_time_seconds",
	} {
		// The counters have one more, for the rest.
		if k := of(got, name); k > maxProcesses+1 || k < maxProcesses {
			t.Errorf("%d series of %s, want %d", k, name, maxProcesses)
		}
	}
	total, flaps := 0.0, 0.0
	for series, v := range got {
		if !utf8.ValidString(series) || strings.ContainsAny(series, "\x00\x1b\u202e") || len(series) > 4*maxLabel {
			t.Errorf("the series %.300q", series)
		}
		if strings.HasPrefix(series, "recoveries_total{") {
			total += v
		}
		if strings.HasPrefix(series, "flaps_total{") {
			flaps += v
		}
	}
	want(t, got, map[string]float64{
		`recovery_duration_seconds_count{outcome="failed"}`: n + 4, `alarms{state="alarm"}`: n + 4,
		`processes`: n + 4, `processes_beyond_limit`: n + 4 - maxProcesses,
		`recoveries_total{outcome="failed",process="nginx",strategy="service"}`:   1,
		`recoveries_total{outcome="failed",process="(other)",strategy="service"}`: n + 4 - maxProcesses,
		`flaps_total{process="(other)"}`:                                          n + 4 - maxProcesses,
		`breaker_state{process="(other)"}`:                                        absent,
		`up`:                                                                      absent,
	})
	if total != n+4 || flaps != n+4 {
		t.Errorf("%v recoveries and %v flaps were counted, want %d", total, flaps, n+4)
	}

	// Once they are gone, so are their series.
	s.now.Processes = two
	after := s.scrape()
	if more := len(after) - len(before); more != 3+3+4 { // recoveries of these two and of the rest, and flaps of the rest
		t.Errorf("%d series before and %d after", len(before), len(after))
	}
}

func TestSeriesVanishWithTheirProcessAndConfiguredOnesStay(t *testing.T) {
	s := newStage(t)
	s.Configured(at, []string{"nginx"})
	s.now.Processes = []Process{{Name: "nginx"}, {Name: "stray"}}
	for _, name := range []string{"nginx", "stray"} {
		s.Observe(recovery.Event{Kind: recovery.RecoverySucceeded, Process: name, Target: service(name)})
	}
	series := func(name string) string {
		return `recoveries_total{outcome="succeeded",process="` + name + `",strategy="service"}`
	}
	want(t, s.scrape(), map[string]float64{
		series("nginx"): 1, series("stray"): 1, `flaps_total{process="stray"}`: 0, `breaker_state{process="stray"}`: 0,
	})
	s.now.Processes = s.now.Processes[:1]
	got := s.scrape()
	want(t, got, map[string]float64{series("nginx"): 1})
	for name := range got {
		if strings.Contains(name, "stray") {
			t.Errorf("%s is still there", name)
		}
	}
	// A reload takes the section away.
	s.Configured(at, nil)
	s.now.Processes = nil
	want(t, s.scrape(), map[string]float64{series("nginx"): absent, `flaps_total{process="nginx"}`: absent})
}

// TestAnEventDuringAScrapeIsNotLost has a process fail for the first time after
// the scrape has asked which ones are known.
func TestAnEventDuringAScrapeIsNotLost(t *testing.T) {
	s := newStage(t)
	now := s.opts.Now
	s.opts.Now = func() Snapshot {
		defer s.Observe(recovery.Event{Kind: recovery.RecoveryFailed, Process: "late", Target: service("late")})
		return now()
	}
	s.scrape()
	s.opts.Now = now
	s.now.Processes = []Process{{Name: "late"}}
	want(t, s.scrape(), map[string]float64{`recoveries_total{outcome="failed",process="late",strategy="service"}`: 1})
}

func TestProcessesOfTheConfigurationComeBeforeAllOthers(t *testing.T) {
	r := newRoster(3)
	for _, name := range []string{"x", "y", "z"} {
		r.count(name, at, func(t *tally) { t.of(config.StrategyService)[failed]++ })
	}
	r.configure([]string{"a", "z"})
	lines, rest := r.update([]Process{{Name: "a"}, {Name: "z"}, {Name: "x"}, {Name: "y"}}, at)
	if _, ok := lines["a"]; !ok || len(lines) != 3 {
		t.Errorf("got %v", lines)
	}
	if lines["z"].recoveries[config.StrategyService][failed] != 1 {
		t.Error("what was counted for a process that gets a section is lost")
	}
	if n := rest.recoveries[config.StrategyService]; n == nil || n[failed] != 1 {
		t.Errorf("what was counted for the one that had to go is not with the rest: %v", rest)
	}
	r.configure([]string{"b", "c", "d", "e"})
	lines, _ = r.update(nil, at)
	for _, name := range []string{"b", "c", "d"} {
		if _, ok := lines[name]; !ok || len(lines) != 3 {
			t.Errorf("of more than there are places for, the first ones get them: %v", lines)
		}
	}
}

func TestNoTwoNamesHaveOneLabel(t *testing.T) {
	names := append(hostile(10_000), `a\x01`, "a\x01", `a\\x01`, "a\xff", "a\ufffd", `"`, `\"`, `\`, "é", "e\u0301")
	labels := make(map[string]string)
	for _, name := range names {
		label := labelOf(name)
		if !utf8.ValidString(label) || len(label) > maxLabel {
			t.Errorf("%.50q has the label %q", name, label)
		}
		if other, ok := labels[label]; ok && other != name {
			t.Errorf("%.50q and %.50q have the label %q", name, other, label)
		}
		labels[label] = name
	}
	for _, plain := range []string{"nginx", "a.b@c:1+x-y_z", "with a blank", "été"} {
		if labelOf(plain) != plain {
			t.Errorf("%q has the label %q", plain, labelOf(plain))
		}
	}
	// Nobody is taken for the rest, and nobody has no name.
	r := newRoster(9)
	r.configure([]string{others, ""})
	if lines, _ := r.update([]Process{{Name: others}, {Name: ""}}, at); len(lines) != 0 {
		t.Errorf("got %v", lines)
	}
	// A name that is another one's shortened label shares its series with
	// nobody either.
	s := newStage(t)
	long := strings.Repeat("x", 300)
	s.now.Processes = []Process{{Name: long}, {Name: labelOf(long)}}
	want(t, s.scrape(), map[string]float64{"processes_beyond_limit": 1, `breaker_state{process="` + labelOf(long) + `"}`: 0})
}

func TestNoUnitIsAskedAboutForAProcessThatIsNotToBeLookedAt(t *testing.T) {
	s := newStage(t)
	s.now.Processes = []Process{{Name: "x", Unit: "x.service"}, {Name: "y"}}
	got := s.scrape()
	if len(s.asked) != 1 || s.asked[0] != aliveUnit || s.walked != 0 {
		t.Errorf("asked for %v, read the process table %d times", s.asked, s.walked)
	}
	if of(got, "process_running") != 0 {
		t.Error("somebody knows whether it runs")
	}
}
