package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

const (
	dashboardFile = "../../deploy/grafana/monitor_service.json"
	rulesFile     = "../../deploy/prometheus/alerts.yml"
	rulesTestFile = "../../deploy/prometheus/alerts_test.yml"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	// named finds metrics in PromQL; those of the client library are known
	// by their prefixes.
	named = regexp.MustCompile(`\b(?:monitor_service|process|go|promhttp)_[a-z_]+\b`)
	// suffixes are what Prometheus adds to the name of a histogram.
	suffixes = regexp.MustCompile(`_(?:bucket|sum|count)$`)
	// selectors are not metrics, and neither are the labels of a grouping.
	selectors = regexp.MustCompile(`\{[^}]*\}|"[^"]*"`)
)

// exposed are the names of all metrics of a complete scrape, with their labels.
func exposed(t *testing.T) map[string]map[string]bool {
	t.Helper()
	families, err := complete(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]map[string]bool)
	for _, f := range families {
		labels := map[string]bool{"instance": true, "job": true, "le": f.GetType().String() == "HISTOGRAM"}
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels[l.GetName()] = true
		}
		all[f.GetName()] = labels
	}
	return all
}

// checkNames looks for each metric that a text names, and for the labels that
// its selectors name.
func checkNames(t *testing.T, exposed map[string]map[string]bool, where, promql string) {
	t.Helper()
	find := func(name string) map[string]bool {
		if labels, ok := exposed[name]; ok {
			return labels
		}
		if labels := exposed[suffixes.ReplaceAllString(name, "")]; labels["le"] {
			return labels
		}
		return nil
	}
	for _, name := range named.FindAllString(selectors.ReplaceAllString(promql, ""), -1) {
		if find(name) == nil {
			t.Errorf("%s names %s, which the daemon does not expose: %s", where, name, promql)
		}
	}
	for _, m := range regexp.MustCompile(`([a-z_]+)\{([^}]*)\}`).FindAllStringSubmatch(promql, -1) {
		if m[1] == "ALERTS" || m[1] == "up" {
			continue // Prometheus's own
		}
		for _, l := range regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`).FindAllStringSubmatch(m[2], -1) {
			if !find(m[1])[l[1]] {
				t.Errorf("%s asks for the label %s of %s, which has none: %s", where, l[1], m[1], promql)
			}
		}
	}
}

// dashboard is what matters here of a dashboard.
type dashboard struct {
	Title, UID  string
	Panels      []dashboardPanel
	Annotations struct{ List []dashboardQuery }
	Templating  struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
			Datasource *dashboardSource
		}
	}
}

type dashboardSource struct{ Type, UID string }

type dashboardPanel struct {
	ID          int
	Type, Title string
	Datasource  *dashboardSource
	GridPos     struct{ X, Y, W, H int }
	Targets     []dashboardQuery
	Panels      []dashboardPanel
}

type dashboardQuery struct {
	Name, RefID, Expr string
	Datasource        *dashboardSource
}

func loadDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// all lists the panels, those of collapsed rows included.
func (d dashboard) all() []dashboardPanel {
	var all []dashboardPanel
	for _, p := range d.Panels {
		all = append(append(all, p), p.Panels...)
	}
	return all
}

// expressions lists what is asked of Prometheus, by where it is asked.
func (d dashboard) expressions() map[string]string {
	all := make(map[string]string)
	for _, p := range d.all() {
		for _, target := range p.Targets {
			all[p.Title+", query "+target.RefID] = target.Expr
		}
	}
	for _, a := range d.Annotations.List {
		all["annotation "+a.Name] = a.Expr
	}
	return all
}

func TestEveryMetricOfTheDashboardExists(t *testing.T) {
	d, metrics := loadDashboard(t), exposed(t)
	for where, promql := range d.expressions() {
		checkNames(t, metrics, where, promql)
	}
	for _, v := range d.Templating.List {
		checkNames(t, metrics, "variable "+v.Name, string(v.Query))
	}
}

func TestEveryMetricOfTheAlertRulesExists(t *testing.T) {
	metrics := exposed(t)
	found := 0
	for _, m := range regexp.MustCompile(`(?ms)^      - alert: (\w+)\n        expr: (.*?)\n        (?:for|labels):`).FindAllStringSubmatch(read(t, rulesFile), -1) {
		found++
		checkNames(t, metrics, m[1], strings.Join(strings.Fields(m[2]), " "))
	}
	if n := strings.Count(read(t, rulesFile), "- alert:"); found != n || n == 0 {
		t.Errorf("%d of %d rules were read", found, n)
	}
}

// TestAMetricThatIsNotThereIsNoticed is about the two tests above.
func TestAMetricThatIsNotThereIsNoticed(t *testing.T) {
	metrics := exposed(t)
	for _, promql := range []string{
		"monitor_service_polls", "rate(monitor_service_polls_total_count[5m])", `monitor_service_alarms{process="x"}`,
		`sum(process_cpu_seconds)`, `monitor_service_bus_up and monitor_service_bus_down`,
		`monitor_service_poll_duration_seconds_bucket{outcome="x", le="1"}`,
	} {
		probe := &testing.T{}
		checkNames(probe, metrics, "probe", promql)
		if !probe.Failed() {
			t.Errorf("%s passes", promql)
		}
	}
}

func TestTheDashboardIsWellFormed(t *testing.T) {
	d := loadDashboard(t)
	if d.Title == "" || d.UID == "" {
		t.Error("it has no title or no uid")
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name+" "+v.Type)
		if v.Type == "query" && (v.Datasource == nil || v.Datasource.UID != "${datasource}") {
			t.Errorf("the variable %s has the data source %+v", v.Name, v.Datasource)
		}
	}
	if got := strings.Join(variables, ", "); got != "datasource datasource, instance query, process query" {
		t.Errorf("it has the variables %s", got)
	}
	ids, places := map[int]string{}, map[[2]int]string{}
	for _, p := range d.all() {
		if other, ok := ids[p.ID]; ok || p.ID == 0 || p.Title == "" {
			t.Errorf("the panel %q has the id %d, as %q has", p.Title, p.ID, other)
		}
		ids[p.ID] = p.Title
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := places[[2]int{x, y}]; ok || x > 23 {
					t.Fatalf("the panel %q lies on %q, or outside", p.Title, other)
				}
				places[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource == nil || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("the panel %q has the data source %+v and %d queries", p.Title, p.Datasource, len(p.Targets))
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if target.Expr == "" || refs[target.RefID] || target.Datasource == nil || target.Datasource.UID != "${datasource}" {
				t.Errorf("the panel %q has the query %+v", p.Title, target)
			}
			refs[target.RefID] = true
		}
	}
}

func TestEveryAlertSaysWhatItIsAndWhatToRun(t *testing.T) {
	command := regexp.MustCompile(`(?:monitor_service (?:status|history|explain|check-config|check-now|reset|resume)|systemctl|journalctl)\b`)
	tests := read(t, rulesTestFile)
	rules := strings.Split(read(t, rulesFile), "      - alert: ")[1:]
	for _, rule := range rules {
		name, _, _ := strings.Cut(rule, "\n")
		_, description, _ := strings.Cut(rule, "description:")
		if !strings.Contains(rule, "summary:") || !command.MatchString(description) {
			t.Errorf("%s has no summary, or no command in its description", name)
		}
		if strings.Contains(description, "$labels.process") {
			t.Errorf("%s puts a name that the database gave into a command that somebody will paste", name)
		}
		if !regexp.MustCompile(`severity: (critical|warning)\b`).MatchString(rule) {
			t.Errorf("%s has no severity", name)
		}
		if !strings.Contains(tests, "  - name: "+name+"\n") {
			t.Errorf("%s has no test in %s", name, rulesTestFile)
		}
	}
}
