package daemon

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// scrape is what Prometheus gets of a daemon.
func scrape(t *testing.T, d *Daemon) string {
	t.Helper()
	answer := httptest.NewRecorder()
	d.metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// awaitSeries waits until a scrape has all of these lines, after a prefix that
// they share.
func (s *site) awaitSeries(d *Daemon, what string, lines ...string) {
	s.t.Helper()
	var last string
	s.await(what, func() bool {
		last = "\n" + scrape(s.t, d)
		for _, line := range lines {
			if !strings.Contains(last, "\nmonitor_service_"+line+"\n") {
				s.t.Logf("no %s", line)
				return false
			}
		}
		return true
	})
}

func TestAScrapeShowsWhatTheDaemonDoes(t *testing.T) {
	s := newSite(t)
	s.configure("max_restart_failures = 1", "[process.bad]\nhealth_check_command = false\nhealth_check_timeout = 100ms\n")
	d := s.daemon()
	reload, _ := s.start(d)
	s.raise(1, "good")
	s.raise(2, "bad")
	s.raise(3, "x; reboot")
	s.awaitSeries(d, "the recoveries are shown",
		`recoveries_total{outcome="succeeded",process="good",strategy="custom"} 1`,
		`recoveries_total{outcome="failed",process="bad",strategy="custom"} 1`,
		`write_backs_total{outcome="cleared"} 1`, `refusals_total{reason="unsafe_name"} 1`,
		`breaker_state{process="bad"} 2`, `breaker_failures{process="bad"} 1`, `breakers{state="open"} 1`,
		`alarms{state="open"} 1`, `alarms{state="left_alone"} 1`, `process_running{process="bad"} 0`,
		`database_up 1`, `check_interval_seconds 0.1`, `clear_alarm_enabled 1`, `read_only 0`, `processes 3`,
		`config_last_reload_successful 1`, `log_up{log="file"} 1`, `log_up{log="console"} 1`,
	)
	got := scrape(t, d)
	for _, started := range []string{"last_successful_poll_timestamp_seconds ", `polls_total{outcome="success"} `} {
		if !strings.Contains(got, "monitor_service_"+started) || strings.Contains(got, "monitor_service_"+started+"0\n") {
			t.Errorf("nothing says that it polls: %s", started)
		}
	}

	s.configure("chek_interval = 1", "")
	reload <- struct{}{}
	s.awaitSeries(d, "the refused reload is shown", `config_last_reload_successful 0`)
	s.configure("", "")
	reload <- struct{}{}
	s.awaitSeries(d, "the reload is shown", `config_last_reload_successful 1`)

	if err := os.Rename(s.path("alarms.db"), s.path("away.db")); err != nil {
		t.Fatal(err)
	}
	s.awaitSeries(d, "the outage is shown", `database_up 0`)
	if err := os.Rename(s.path("away.db"), s.path("alarms.db")); err != nil {
		t.Fatal(err)
	}
	s.awaitSeries(d, "its end is shown", `database_up 1`)
}

func TestTheUnitThatIsLookedAtIsTheOneThatIsActedUpon(t *testing.T) {
	process := func(name string, s config.Strategy, unit string) config.Process {
		return config.Process{Name: name, Configured: true, Strategy: s, Unit: unit}
	}
	target := func(s config.Strategy, unit string) recovery.Target { return recovery.Target{Strategy: s, Unit: unit} }
	for _, test := range []struct {
		what   string
		conf   config.Process
		target recovery.Target
		want   string
	}{
		{"auto by its name", process("nginx", config.StrategyAuto, ""), recovery.Target{}, "nginx.service"},
		{"by its unit", process("web", config.StrategyService, "nginx"), recovery.Target{}, "nginx.service"},
		{"what was acted upon", process("web", config.StrategyAuto, ""), target(config.StrategyService, "alias.service"), "alias.service"},
		{"auto that was started", process("web", config.StrategyAuto, ""), target(config.StrategyProcess, ""), "monitored-web.service"},
		{"a process", process("web", config.StrategyProcess, ""), recovery.Target{}, "monitored-web.service"},
		{"custom with a unit", process("web", config.StrategyCustom, "nginx"), recovery.Target{}, "nginx.service"},
		{"custom without", process("web", config.StrategyCustom, ""), recovery.Target{}, "web.service"},
		{"custom that has no unit", process("web", config.StrategyCustom, ""), target(config.StrategyCustom, ""), ""},
		{"custom of a wild name", process("a b", config.StrategyCustom, ""), recovery.Target{}, ""},
		{"auto of a wild name", process("a b", config.StrategyAuto, ""), recovery.Target{}, ""},
		{"another type of unit", process("reboot.target", config.StrategyAuto, ""), recovery.Target{}, ""},
	} {
		if got := unitOf(test.conf, test.target); got != test.want {
			t.Errorf("%s: got %q, want %q", test.what, got, test.want)
		}
	}
}

func TestOnlyWhatWouldBeRestartedIsLookedAtOnTheHost(t *testing.T) {
	s := newSite(t)
	s.configure("", "[process.mine]\npriority = 1\n")
	d := s.daemon()
	s.start(d)
	s.raise(1, "stranger; reboot")
	s.awaitSeries(d, "the alarm is shown", `alarms{state="left_alone"} 1`)
	for _, p := range d.now().Processes {
		if p.Look != (p.Name == "mine") {
			t.Errorf("%q is looked at: %t", p.Name, p.Look)
		}
	}
}
