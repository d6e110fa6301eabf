package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monitor_service/internal/config"
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
