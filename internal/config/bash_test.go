package config

import (
	"os"
	"strings"
	"testing"
	"time"
)

// testdata/bash.ini is the configuration that the bash daemon's documentation
// shows, both of its parts, comments and all.
func TestBashConfigurationMeansWhatItSays(t *testing.T) {
	content, err := os.ReadFile("testdata/bash.ini")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"as it stands":    string(content),
		"from Windows":    "\ufeff" + strings.ReplaceAll(string(content), "\n", "\r\n"),
		"no last newline": strings.TrimSuffix(string(content), "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			c, warnings := accepted(t, text)
			if len(warnings) > 0 {
				t.Errorf("warnings:\n%s", warningTexts(warnings))
			}
			checkBashConfiguration(t, c)
		})
	}
}

func checkBashConfiguration(t *testing.T, c *Config) {
	t.Helper()
	d := c.Database
	if d.Host != "localhost" || d.User != "root" || d.Password.Reveal() != "your_password" || d.Name != "v_process_monitor" {
		t.Errorf("database: %+v", d)
	}
	m := c.Monitor
	if m.CheckInterval != 300*time.Second || m.MaxRestartFailures != 3 || m.CircuitResetTime != 1800*time.Second {
		t.Errorf("monitor: %+v", m)
	}
	if c.Logging.MaxSize != 5120*1024 || c.Logging.FilesToKeep != 5 {
		t.Errorf("logging: %+v", c.Logging)
	}
	want := Process{
		Name: "example", Configured: true, Strategy: StrategyService,
		WorkingDirectory: "/", StopTimeout: 10 * time.Second, RestartTimeout: 90 * time.Second,
		PreRestartCommand: "/path/to/validation/script", PreRestartTimeout: 30 * time.Second,
		HealthCheckCommand: "systemctl is-active example", HealthCheckTimeout: 10 * time.Second,
		HealthCheckInterval: time.Second, RestartDelay: 5 * time.Second, MaxAttempts: 2,
	}
	if p := c.Process("example"); p != want {
		t.Errorf("process example:\n got %+v\nwant %+v", p, want)
	}
	other := c.Process("other")
	if other.HealthCheckCommand != "pgrep %s" || other.HealthCheckTimeout != 5*time.Second ||
		other.Configured || other.Name != "other" || other.Strategy != StrategyAuto {
		t.Errorf("a process without a section: %+v", other)
	}
}

func TestWarnsWhereTheBashDaemonReadSomethingElse(t *testing.T) {
	const head = minimal
	for name, c := range map[string]struct{ text, want string }{
		"value with =":        {head + "password = a=b\n", "[database] password: the bash daemon cut"},
		"command with =":      {head + "[process.a]\nhealth_check_command = x --y=z\n", "health_check_command: the bash daemon cut"},
		"quotes":              {head + "host = \"db\"\n", "kept the quotes"},
		"comment after text":  {head + "password = pass # word\n", "kept the comment"},
		"name as pattern":     {head + "[process.a.b]\n[process.a-b]\n", "which matches [process.a-b] too"},
		"name that misses":    {head + "[process.c++]\n", "does not match the name itself"},
		"same, well quoted":   {head + "[process.a+b]\n", "does not match the name itself"},
		"not a key of bash's": {head + "[logging]\nfile = \"/x=y\" # z\n", ""},
		"comment after number": {
			head + "[monitor]\ncheck_interval = 5 # seconds\nmax_restart_failures = 3 ; three\n", "",
		},
		"comment after command":  {head + "[process.a]\npre_restart_command = x # y=z\n", ""},
		"comment after strategy": {head + "[process.a]\nrestart_strategy = service # y\n", ""},
		"dotted name":            {head + "[process.a.b]\n[process.c]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, warnings := accepted(t, c.text)
			got := warningTexts(warnings)
			switch {
			case c.want == "" && got != "":
				t.Errorf("warned for nothing: %s", got)
			case !strings.Contains(got, c.want):
				t.Errorf("warnings %q do not say %q", got, c.want)
			case len(warnings) > 1:
				t.Errorf("more than one warning: %s", got)
			}
		})
	}
}
