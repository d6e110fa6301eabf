package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/systemd"
)

func polkitUnits(t *testing.T, content string) (units []string, warnings string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.ini")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	units = unitsOf(cfg, &out)
	return units, out.String()
}

func TestPolkitRulesNameTheUnitsOfTheSectionsAndNoOthers(t *testing.T) {
	units, warnings := polkitUnits(t, `[database]
user = u
database = d
[monitor]
unconfigured_processes = ignore
[process.nginx]
[process.billing]
restart_strategy = service
unit = billing@1
[process.bare]
restart_strategy = process
[process.scripted]
restart_strategy = custom
restart_command = true
[process.monitor_service]
[process.template@]
`)
	if got, want := strings.Join(units, " "), "nginx.service billing@1.service"; got != want {
		t.Errorf("units %q, want %q", got, want)
	}
	for _, process := range []string{"bare", "scripted", "monitor_service", "template@"} {
		if !strings.Contains(warnings, "[process."+process+"] has strategy") {
			t.Errorf("nothing is said of [process.%s]:\n%s", process, warnings)
		}
	}
}

func TestPolkitRulesSayThatUnnamedProcessesWillBeRefused(t *testing.T) {
	if _, warnings := polkitUnits(t, "[database]\nuser = u\ndatabase = d\n"); !strings.Contains(warnings, "unconfigured_processes = ignore") {
		t.Errorf("nothing is said: %q", warnings)
	}
}

// knownUnits is a systemd that knows units by these names.
type knownUnits map[string]string

func (k knownUnits) Unit(_ context.Context, name string) (systemd.Unit, error) {
	id, known := k[name]
	if !known {
		return systemd.Unit{LoadState: systemd.LoadNotFound}, nil
	}
	return systemd.Unit{ID: id, LoadState: systemd.LoadLoaded}, nil
}

func TestPolkitRulesDoNotNameTheDaemonByAnotherName(t *testing.T) {
	known := knownUnits{"alias.service": "real.service", "watcher.service": config.DaemonUnit}
	var out bytes.Buffer
	units := canonical(t.Context(), known, []string{"alias.service", "watcher.service", "new.service"}, &out)
	if got, want := strings.Join(units, " "), "real.service new.service"; got != want {
		t.Errorf("units %q, want %q", got, want)
	}
	for _, want := range []string{"watcher.service is the daemon's own unit", "systemd does not know new.service"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}
