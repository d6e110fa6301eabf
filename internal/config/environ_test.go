package config

import (
	"strings"
	"testing"
	"time"
)

func TestTheEnvironmentOverridesTheFile(t *testing.T) {
	c, warnings := accepted(t, minimal+"host = file\n[monitor]\ncheck_interval = 5\n",
		"MONITOR_SERVICE_DATABASE_HOST=env", "MONITOR_SERVICE_DATABASE_PASSWORD= p # w ",
		"MONITOR_SERVICE_MONITOR_CHECK_INTERVAL=", "MONITOR_SERVICE_LOGGING_LOG_FILES_TO_KEEP=2",
		"MONITOR_SERVICE_CONFIG=/x", "PATH=/bin", "MONITOR_SERVICE_DATABASE_HOST=second")
	if len(warnings) > 0 {
		t.Errorf("warnings:\n%s", warningTexts(warnings))
	}
	if c.Database.Host != "env" || c.Database.Password.Reveal() != " p # w " || c.Monitor.CheckInterval != 5*time.Second || c.Logging.FilesToKeep != 2 {
		t.Errorf("%+v", c)
	}
	if o := c.Origin("database", "host"); o.Source != SourceEnvironment || o.Variable != "MONITOR_SERVICE_DATABASE_HOST" {
		t.Errorf("origin %+v", o)
	}
}

func TestEveryKeyButThoseOfProcessesHasItsVariable(t *testing.T) {
	for _, k := range Keys() {
		want := "MONITOR_SERVICE_" + strings.ToUpper(k.Section+"_"+k.Name)
		if k.Section == "process" {
			want = ""
		}
		if k.Variable() != want {
			t.Errorf("%s.%s: %q", k.Section, k.Name, k.Variable())
		}
	}
	if got := variableName("a", "b-c.d"); got != "MONITOR_SERVICE_A_B_C_D" {
		t.Error(got)
	}
}

func TestAWrongVariableIsNamed(t *testing.T) {
	mistakes := refused(t, minimal, "MONITOR_SERVICE_DATABASE_PORT=0", "MONITOR_SERVICE_DATABASE_USER=a\nb")
	if len(mistakes) != 2 || mistakes[0].Variable != "MONITOR_SERVICE_DATABASE_PORT" ||
		!strings.HasPrefix(mistakes[0].String(), `environment variable MONITOR_SERVICE_DATABASE_PORT = "0": is below the limit; allowed: 1 to 65535`) {
		t.Error(mistakes)
	}
}

func TestAnUnknownVariableIsAWarning(t *testing.T) {
	for variable, want := range map[string]string{
		"MONITOR_SERVICE_DATABASE_HSOT":   "did you mean MONITOR_SERVICE_DATABASE_HOST?",
		"MONITOR_SERVICE_PROCESS_A_UNIT":  "not overridden by the environment",
		"MONITOR_SERVICE_\x1b[31mX":       `MONITOR_SERVICE_\x1b[31mX means nothing here`,
		"MONITOR_SERVICE_COMPLETELY_ELSE": "means nothing here",
	} {
		_, warnings := accepted(t, minimal, variable+"=canary")
		if got := warningTexts(warnings); len(warnings) != 1 || !strings.Contains(got, want) || strings.Contains(got, "canary") {
			t.Errorf("%s: %q", variable, got)
		}
	}
}
