package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// owners names, for each third-party package that has one way in, the packages
// that may import it, and why.
var owners = []struct {
	path   string
	owners []string
	why    string
}{
	{"github.com/go-sql-driver/mysql", []string{"alarmdb"}, "SQL and its error numbers stay in one room"},
	{"modernc.org/sqlite", []string{"alarmdb"}, "SQL and its error numbers stay in one room"},
	{"gopkg.in/ini.v1", []string{"config"}, "its traps are closed there, see libraries in the package"},
	{"github.com/coreos/go-systemd/v22/dbus", []string{"systemd"}, "one connection, one place that waits for jobs"},
	{"github.com/coreos/go-systemd/v22/daemon", []string{"systemd"}, "one place speaks to the service manager"},
	{"github.com/godbus/dbus/v5", []string{"systemd"}, "one connection, one place that waits for jobs"},
	{"github.com/coreos/go-systemd/v22/journal", []string{"logging"}, "one place writes log lines"},
	{"gopkg.in/natefinch/lumberjack.v2", []string{"logging"}, "one place writes the log file"},
	{"github.com/wneessen/go-mail", []string{"notify"}, "one place sends mail"},
	{"github.com/prometheus/exporter-toolkit/web", []string{"web"}, "one place listens to browsers, and its lines stay out of the log"},
	{"github.com/prometheus/client_golang/prometheus", []string{"metrics"}, "events and states become metrics in one place"},
	{"github.com/spf13/cobra", []string{"cli"}, "only the command line knows flags"},
}

// bans names what a package of ours must not know, directly or not, and why.
var bans = []struct {
	pkg, banned, why string
}{
	{"recovery", "database/sql", "the engine decides, alarmdb speaks SQL"},
	{"recovery", "os/exec", "the engine decides, restart acts"},
	{"recovery", "monitor_service/internal/systemd", "the engine decides, restart acts"},
	{"recovery", "monitor_service/internal/logging", "events become log lines in one place"},
	{"breaker", "monitor_service/internal/config", "a breaker is a table and the time it is given"},
	{"breaker", "context", "a breaker does not wait"},
	{"config", "monitor_service/internal/recovery", "the configuration is a leaf"},
	{"config", "net", "the configuration connects to nothing"},
	{"notify", "monitor_service/internal/logging", "what goes wrong is reported, the daemon logs it"},
	{"web", "monitor_service/internal/logging", "what goes wrong is reported, the daemon logs it"},
	{"recovery", "net/http", "the engine tells nobody, it emits events"},
	{"recovery", "monitor_service/internal/metrics", "events become metrics in one place"},
	{"metrics", "monitor_service/internal/alarmdb", "a scrape does not ask the database"},
	{"metrics", "monitor_service/internal/control", "adapters do not know each other"},
	{"alarmdb", "monitor_service/internal/systemd", "adapters do not know each other"},
	{"systemd", "monitor_service/internal/recovery", "units know nothing of alarms"},
	{"proctable", "monitor_service/internal/recovery", "processes know nothing of alarms"},
	{"command", "monitor_service/internal/recovery", "commands know nothing of alarms"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "monitor_service/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	pkgs := map[string]listed{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
}

func TestThirdPartyPackagesHaveOneImporter(t *testing.T) {
	pkgs := list(t)
	used := map[string]bool{}
	for path, p := range pkgs {
		room := strings.TrimPrefix(path, "monitor_service/internal/")
		for _, o := range owners {
			if !slices.Contains(p.Imports, o.path) || strings.HasPrefix(room, "testenv/") {
				continue
			}
			used[o.path] = true
			if !slices.Contains(o.owners, room) {
				t.Errorf("%s imports %s, which belongs to %v: %s", path, o.path, o.owners, o.why)
			}
		}
	}
	for _, o := range owners {
		if !used[o.path] {
			t.Errorf("nobody imports %s: the rule is out of date", o.path)
		}
	}
}

func TestPackagesDoNotKnowWhatTheyMustNot(t *testing.T) {
	pkgs := list(t)
	for _, b := range bans {
		p, ok := pkgs["monitor_service/internal/"+b.pkg]
		if !ok {
			t.Errorf("there is no package %q: the rule is out of date", b.pkg)
		}
		// What a library imports is its own business, but for the whole
		// closure of our own packages.
		for _, dep := range append(p.Deps, p.ImportPath) {
			if slices.Contains(pkgs[dep].Imports, b.banned) {
				t.Errorf("package %s knows %s through %s: %s", b.pkg, b.banned, dep, b.why)
			}
		}
	}
}
