package config

import (
	"strings"
	"testing"
)

func TestTimeThatDoesNotFitIsWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"own":             {"[process.a]\nhealth_check_interval = 10\n", []string{testFile + ":5: [process.a] health_check_interval", "(10s)", "health_check_timeout (5s)"}},
		"own, both":       {"[process.a]\nhealth_check_timeout = 30\nhealth_check_interval = 1m\n", []string{testFile + ":6: [process.a] health_check_interval", "(1m)", "(30s)"}},
		"default":         {"[process.a]\n[process.default]\nhealth_check_interval = 10\n", []string{testFile + ":6: [process.default] health_check_interval"}},
		"inherited":       {"[process.a]\nhealth_check_timeout = 2\n[process.default]\nhealth_check_interval = 3\n", []string{testFile + ":5: [process.a] health_check_timeout", "(3s)", "(2s)"}},
		"fits":            {"[process.a]\nhealth_check_interval = 5\n", nil},
		"nobody's doing":  {"[process.a]\nhealth_check_timeout = 500ms\n", nil},
		"default mended":  {"[process.default]\nhealth_check_interval = 5\n[process.a]\nhealth_check_timeout = 20\n", nil},
		"nothing is said": {"[process.a]\n", nil},
		"stop":            {"[process.a]\nstop_timeout = 2m\n", []string{testFile + ":5: [process.a] stop_timeout", "(2m)", "restart_timeout (1m30s)"}},
		"stop, default":   {"[process.default]\nstop_timeout = 20\n[process.a]\nrestart_timeout = 10\n", []string{testFile + ":7: [process.a] restart_timeout", "(20s)", "(10s)"}},
		"stop fits":       {"[process.a]\nstop_timeout = 90\n", nil},
		"nothing to stop": {"[process.a]\nrestart_strategy = service\nrestart_timeout = 10\n[process.default]\nstop_timeout = 20\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, warnings := accepted(t, minimal+c.text)
			if c.want == nil {
				if len(warnings) != 0 {
					t.Errorf("warned: %v", warnings)
				}
				return
			}
			if len(warnings) != 1 {
				t.Fatalf("%d warnings, want one: %v", len(warnings), warnings)
			}
			for _, want := range c.want {
				if got := warnings[0].String(); !strings.Contains(got, want) {
					t.Errorf("%q is not in %q", want, got)
				}
			}
		})
	}
}
