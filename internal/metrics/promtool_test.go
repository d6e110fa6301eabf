//go:build integration

package metrics

import (
	"bytes"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"monitor_service/internal/testenv"
)

// promtool runs Prometheus's own checker, from PATH or from where "make
// test-deps" puts it.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		tool, err = exec.LookPath("../../.cache/bin/promtool")
	}
	if err != nil {
		testenv.Missing(t, "promtool is missing: run make test-deps, or install the package prometheus")
	}
	cmd := exec.Command(tool, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolFindsNoFaultInAScrape(t *testing.T) {
	answer := httptest.NewRecorder()
	complete(t).Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	promtool(t, answer.Body.String(), "check", "metrics", "--extended")
}

func TestPromtoolTakesAScrapeWithHostileNames(t *testing.T) {
	s := newStage(t)
	for _, name := range hostile(2 * maxProcesses) {
		s.now.Processes = append(s.now.Processes, Process{Name: name, InAlarm: true, Since: at})
	}
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	promtool(t, answer.Body.String(), "check", "metrics")
}

func TestPromtoolTakesTheAlertRules(t *testing.T) {
	promtool(t, "", "check", "rules", "--lint=all", "--lint-fatal", rulesFile)
	promtool(t, "", "test", "rules", rulesTestFile)
}

// TestPromtoolTakesTheExpressionsOfTheDashboard has them checked as if they
// were rules, with the variables filled in as Grafana does.
func TestPromtoolTakesTheExpressionsOfTheDashboard(t *testing.T) {
	fill := strings.NewReplacer("$__rate_interval", "5m", "$__range", "6h", "$instance", "web1|web2", "$process", ".*")
	var rules bytes.Buffer
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	expressions := loadDashboard(t).expressions()
	for i, where := range slices.Sorted(maps.Keys(expressions)) {
		fmt.Fprintf(&rules, "  - record: query%d\n    expr: %q\n", i, fill.Replace(expressions[where]))
	}
	if strings.Contains(rules.String(), "$") {
		t.Errorf("a variable is not known:\n%s", &rules)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", file)
}
