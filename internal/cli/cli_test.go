package cli

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs a command line and returns its exit status and what it printed.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = Main(args, []string{"STATE_DIRECTORY=" + t.TempDir()}, &out, &errs)
	return code, out.String(), errs.String()
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitStatuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "config.ini")
	wrong := file(t, "config.ini", "[monitor]\nchek_interval = 5\nmax_restart_failures = none\n")
	noDatabase := file(t, "config.ini", "[database]\ndriver = sqlite\npath = "+missing+".db\n[logging]\nfile = none\n")
	noCA := file(t, "config.ini", "[database]\nuser = u\ndatabase = d\ntls = on\ntls_ca = "+missing+".pem\n[logging]\nfile = none\n")
	for _, c := range []struct {
		args   []string
		code   int
		stderr []string
	}{
		{[]string{"version"}, 0, nil},
		{[]string{"--help"}, 0, nil},
		{nil, 0, nil},
		{[]string{"rnu"}, 2, []string{`unknown command "rnu"`, "run", "--help"}},
		{[]string{"run", "--onec"}, 2, []string{"--onec", "--help"}},
		{[]string{"run", "now"}, 2, []string{`"now"`}},
		{[]string{"run", "--config", missing}, 78, []string{missing}},
		{[]string{"run", "--config", wrong}, 78, []string{wrong + ":2", "chek_interval", "check_interval", wrong + ":3", "max_restart_failures"}},
		{[]string{"check-config", "--config", missing}, 78, []string{missing}},
		{[]string{"check-config", "--config", wrong}, 78, []string{wrong + ":2", wrong + ":3"}},
		{[]string{"check-config", "--config", noCA}, 78, []string{missing + ".pem", "tls_ca"}},
		{[]string{"run", "--once", "--config", noCA}, 78, []string{missing + ".pem", "tls_ca"}},
		{[]string{"run", "--once", "--config", noDatabase}, 1, []string{missing + ".db"}},
		{[]string{"schema", "--driver", "oracle"}, 2, []string{"oracle", "mysql", "sqlite"}},
		{[]string{"status", "--json", "--watch"}, 2, []string{"--json and --watch"}},
		{[]string{"history", "--limit", "0"}, 2, []string{"--limit", `"0"`, "at least 1"}},
		{[]string{"history", "--limit", "x"}, 2, []string{"--limit", `"x"`, "a whole number is wanted"}},
		{[]string{"history", "-n", "99999999999"}, 2, []string{"--limit", "a whole number is wanted"}},
		{[]string{"history", "a", "b"}, 2, []string{"one process at a time, not 2"}},
		{[]string{"run", "extra"}, 2, []string{`"extra" is too much: monitor_service run takes no argument`, "--help"}},
		{[]string{"restart"}, 2, []string{"which process? name one: monitor_service restart NAME", "--help"}},
		{[]string{"explain", "a", "b"}, 2, []string{"one process at a time, not 2"}},
		{[]string{"check-now", "nginx"}, 2, []string{`"nginx" is too much`}},
		{[]string{"pause", "nginx", "--for", "99999h"}, 2, []string{"--for", "at most 8784h (366 days)"}},
		{[]string{"pause", "nginx", "--for", "5"}, 2, []string{"--for", "its unit is missing: 5s, 5m or 5h", "Try 'monitor_service pause --help'"}},
		{[]string{"pause"}, 2, []string{"which process? name one, or --all", "Try 'monitor_service pause --help'"}},
		{[]string{"pause", "nginx", "--for", "2d"}, 2, []string{"--for", "90s, 30m, 2h"}},
		{[]string{"pause", "nginx", "--for", "0s"}, 2, []string{"--for", "takes longer"}},
		{[]string{"pause", "nginx", "--for", "-1h"}, 2, []string{"--for", "takes longer"}},
	} {
		code, _, stderr := call(t, c.args...)
		if code != c.code {
			t.Errorf("%v: exit status %d, want %d; it said %q", c.args, code, c.code, stderr)
		}
		if strings.Contains(stderr, "strconv") {
			t.Errorf("%v: it names its own parts: %q", c.args, stderr)
		}
		for _, want := range c.stderr {
			if !strings.Contains(stderr, want) {
				t.Errorf("%v: it says %q, want %q in it", c.args, stderr, want)
			}
		}
	}
}

func TestSchemaIsOfTheDriverThatWasAskedFor(t *testing.T) {
	_, mysql, _ := call(t, "schema")
	_, sqlite, _ := call(t, "schema", "--driver", "sqlite")
	for name, text := range map[string]string{"mysql": mysql, "sqlite": sqlite} {
		if !strings.Contains(text, "STATUS_PROCESS") || !strings.Contains(text, "PROCESE") {
			t.Errorf("the schema for %s is %q", name, text)
		}
	}
	if mysql == sqlite {
		t.Error("both schemas are the same")
	}
}

func TestVersionNamesTheProgram(t *testing.T) {
	if _, out, _ := call(t, "version"); !strings.HasPrefix(out, "monitor_service ") {
		t.Errorf("it says %q", out)
	}
}

func TestDryRunIsPassedOn(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "alarms.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, schema, _ := call(t, "schema", "--driver", "sqlite")
	for _, text := range []string{schema, "INSERT INTO PROCESE VALUES (1, 'x')", "INSERT INTO STATUS_PROCESS (process_id, alarma) VALUES (1, 1)"} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	touched := filepath.Join(dir, "touched")
	config := file(t, "config.ini", "[database]\ndriver = sqlite\npath = "+dir+"/alarms.db\n[logging]\nfile = none\n"+
		"[process.x]\nrestart_strategy = custom\nrestart_command = touch "+touched+"\nhealth_check_command = true\n")
	for _, c := range []struct {
		args    []string
		touches bool
	}{
		{[]string{"run", "--once", "--dry-run", "--config", config}, false},
		{[]string{"run", "--once", "--config", config}, true},
	} {
		if code, _, stderr := call(t, c.args...); code != 0 {
			t.Fatalf("%v: exit status %d: %s", c.args, code, stderr)
		}
		if _, err := os.Stat(touched); (err == nil) != c.touches {
			t.Errorf("%v: touched: %v", c.args, err)
		}
	}
}
