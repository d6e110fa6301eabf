package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEachKeyOfAProcessIsLookedUpOnItsOwn(t *testing.T) {
	// The default section comes last: its place means nothing.
	c, _ := accepted(t, minimal+`
[process.nginx]
max_attempts = 4
restart_delay =
start_command =
[process.Nginx]
[process.default]
max_attempts = 3
restart_delay = 7
start_command = /opt/%s
[process.own]
start_command = /opt/own
`)
	p := c.Process("nginx")
	if p.MaxAttempts != 4 || p.RestartDelay != 7*time.Second || p.StartCommand != "/opt/%s" || p.StopTimeout != 10*time.Second {
		t.Errorf("%+v", p)
	}
	if p.OwnStartCommand || !c.Process("own").OwnStartCommand || c.Process("other").OwnStartCommand {
		t.Error("whose the start_command is was mixed up")
	}
	if c.Process("Nginx").MaxAttempts != 3 || !c.Process("Nginx").Configured {
		t.Error("names must match exactly")
	}
	if c.Process("NGINX").Configured || c.Process("default").Configured {
		t.Error("configured without a section of its own")
	}
	if names := c.ProcessNames(); !slices.Equal(names, []string{"nginx", "Nginx", "own"}) {
		t.Errorf("names %q", names)
	}
	for key, want := range map[string]Origin{
		"max_attempts":  {Source: SourceFile, File: testFile, Line: 6, Section: "process.nginx"},
		"restart_delay": {Source: SourceFile, File: testFile, Line: 12, Section: "process.default"},
		"start_command": {Source: SourceFile, File: testFile, Line: 13, Section: "process.default"},
		"stop_timeout":  {Source: SourceBuiltIn},
	} {
		if got := c.ProcessOrigin("nginx", key); got != want {
			t.Errorf("%s is from %+v, want %+v", key, got, want)
		}
	}
	if got := c.ProcessOrigin("other", "max_attempts"); got.Line != 11 {
		t.Errorf("a process without a section: %+v", got)
	}
	if got := c.Origin("database", "user"); got.Line != 2 {
		t.Errorf("user: %+v", got)
	}
}

func TestMistakesOfMeaning(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no database":              {"[database]\nuser = u\n", []string{"config.ini:1: [database] database: is missing"}},
		"no user":                  {"[database]\ndatabase = d\n", []string{"[database] user: is missing"}},
		"no path":                  {"[database]\ndriver = sqlite\n", []string{"[database] path: is missing: driver sqlite needs it"}},
		"relative path":            {"[database]\ndriver = SQLite\npath = a.db\n", []string{"path = \"a.db\"", "does not begin with /"}},
		"certificate without key":  {minimal + "tls = on\ntls_cert = /c\n", []string{":5: [database] tls_cert", "goes with tls_key"}},
		"key without certificate":  {minimal + "tls = preferred\ntls_key = /c\n", []string{"goes with tls_cert"}},
		"port in host":             {minimal + "host = db:3307\n", []string{"set the port with the key port"}},
		"check_interval too short": {minimal + "[monitor]\ncheck_interval = 99ms\n", []string{"below the limit", "100ms to 24h"}},
		"word that is near":        {minimal + "[logging]\nlevel = warn\n", []string{"did you mean warning?"}},
		"unit for all":             {minimal + "[process.default]\nunit = a\n", []string{":5: [process.default] unit = \"a\"", "section [process.NAME]"}},
		"custom, nothing to run":   {minimal + "[process.a]\nrestart_strategy = custom\n", []string{":4: [process.a] restart_command: is missing"}},
		"custom for all":           {minimal + "[process.default]\nrestart_strategy = custom\n[process.a]\n[process.b]\n", []string{":4: [process.default] restart_command"}},
		"custom, inherited":        {minimal + "[monitor]\nunconfigured_processes = ignore\n[process.default]\nrestart_strategy = custom\n[process.a]\n[process.b]\nrestart_command = x\n", []string{":8: [process.a] restart_command"}},
		"its own unit":             {minimal + "[process.a]\nunit = monitor_service\n", []string{":5: [process.a] unit: \"monitor_service.service\" is this daemon's own unit"}},
		"its own unit, process":    {minimal + "[process.a]\nrestart_strategy = process\nunit = monitor_service.service\n", []string{":6: [process.a] unit"}},
		"unsafe, service":          {minimal + "[process.a b]\nrestart_strategy = service\n", []string{"[process.a b] unit: is missing"}},
		"unsafe, process":          {minimal + "[process.a;b]\nrestart_strategy = process\n", []string{"start_command: is missing"}},
		"unsafe, auto":             {minimal + "[process.-a]\n", []string{"unit: is missing, and so is start_command"}},
		"unsafe, %s":               {minimal + "[process.$(a)]\nunit = a\nhealth_check_command = x %s\n", []string{":6: [process.$(a)] health_check_command: has %s in it"}},
		"unsafe, inherited %s":     {minimal + "[process.default]\nhealth_check_command = x %s\n[process.a b]\nunit = a\n", []string{":6: [process.a b] health_check_command", "in [process.default]"}},
		"long name":                {minimal + "[process." + strings.Repeat("a", 201) + "]\nrestart_strategy = service\n", []string{"unit: is missing"}},
		"service that is a target": {minimal + "[process.reboot.target]\nrestart_strategy = service\n", []string{"unit: is missing", "no service"}},
		"auto that is a timer":     {minimal + "[process.a.timer]\n", []string{"restart_strategy = process"}},
		"no unit's name":           {minimal + "[process.a+b]\nrestart_strategy = service\n", []string{"is not a unit's name"}},
		"template":                 {minimal + "[process.a@]\nrestart_strategy = service\n", []string{"template"}},
		"unsafe, bad unit":         {minimal + "[process.a b]\nrestart_strategy = service\nunit = x/y\n", []string{":6: [process.a b] unit = \"x/y\""}},
	} {
		t.Run(name, func(t *testing.T) { onlyMistake(t, c.text, c.want...) })
	}
}

func TestWhatIsSpelledOutIsAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"unsafe, service":           "[process.a b]\nrestart_strategy = service\nunit = a\n",
		"unsafe, process":           "[process.a b]\nrestart_strategy = process\nstart_command = a\n",
		"unsafe, auto with unit":    "[process.a b]\nunit = a\n",
		"unsafe, auto with command": "[process.a b]\nstart_command = a\n",
		"unsafe, custom":            "[process.a b]\nrestart_strategy = custom\nrestart_command = a\n",
		"own %s-free command":       "[process.default]\nhealth_check_command = x %s\n[process.a b]\nunit = a\nhealth_check_command = x\n",
		"target with unit":          "[process.reboot.target]\nunit = x.target\n",
		"process named as a timer":  "[process.a.timer]\nrestart_strategy = process\n",
		"custom for one":            "[process.a]\nrestart_strategy = CUSTOM\nrestart_command = x %s\n",
		"custom, command inherited": "[process.default]\nrestart_command = x %s\n[process.a]\nrestart_strategy = custom\n",
		"base for others": "[monitor]\nunconfigured_processes = ignore\n[process.default]\nrestart_strategy = custom\n" +
			"[process.a]\nrestart_command = x\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, warnings := accepted(t, minimal+text); len(warnings) > 0 {
				t.Errorf("warnings:\n%s", warningTexts(warnings))
			}
		})
	}
}

func TestWarnsOfWhatHasNoEffect(t *testing.T) {
	for text, want := range map[string]string{
		minimal + "path = /x\n":                                            ":4: [database] path: has no effect: the driver is mysql",
		minimal + "tls_ca = /x\n":                                          "[database] tls_ca: has no effect: tls is off",
		"[database]\ndriver=sqlite\npath=/x\nport=1\n":                     "[database] port: has no effect: the driver is sqlite",
		minimal + "[process.a]\nrestart_strategy = service\nrun_as = x\n":  ":6: [process.a] run_as: has no effect: restart_strategy is service",
		minimal + "[process.a]\nrestart_strategy = process\nunit = x\n":    "unit: has no effect",
		minimal + "[process.a]\nrestart_command = x\n":                     "restart_command: has no effect: restart_strategy is auto",
		minimal + "[process.monitor_service]\npriority = 1\n":              ":4: [process.monitor_service]: has no effect: it is this daemon's own unit",
		minimal + "[process.a]\nunit = x\n[process.b]\nunit = x.service\n": ":7: [process.b] unit: [process.a] names the same unit",
	} {
		_, warnings := accepted(t, text)
		if got := warningTexts(warnings); len(warnings) != 1 || !strings.Contains(got, want) {
			t.Errorf("%q: warnings %q, want %q", text, got, want)
		}
	}
}

func TestValuesReachTheirFields(t *testing.T) {
	c, _ := accepted(t, `
[database]
driver = MySQL
host = db
port = 3307
socket = /s
user = u
password = p
database = d
tls = on
tls_ca = /ca
tls_cert = /cert
tls_key = /key
connect_timeout = 1
query_timeout = 2
clear_alarm = no
clear_timeout = 3
[monitor]
check_interval = 100ms
max_restart_failures = 4
circuit_reset_time = 5
stable_time = 6
max_parallel_restarts = 7
max_restarts_per_cycle = 8
unconfigured_processes = ignore
protected_units = sshd
dry_run = yes
[logging]
file = none
max_log_size = 9
log_files_to_keep = 0
level = DEBUG
format = json
compress = on
[process.a]
restart_strategy = process
start_command = c
run_as = r
working_directory = /w
stop_timeout = 11
restart_timeout = 12
pre_restart_command = pre
pre_restart_timeout = 13
health_check_command = h
health_check_timeout = 14
health_check_interval = 15
restart_delay = 16
max_attempts = 17
priority = -18
[process.b]
restart_strategy = custom
restart_command = rc
unit = b@1
`)
	const s = time.Second
	if want := (Database{
		Driver: DriverMySQL, Host: "db", Port: 3307, Socket: "/s", User: "u", Password: NewSecret("p"), Name: "d",
		TLS: TLSOn, TLSCA: "/ca", TLSCert: "/cert", TLSKey: "/key", ConnectTimeout: s, QueryTimeout: 2 * s, ClearTimeout: 3 * s,
	}); c.Database != want {
		t.Errorf("database:\n got %+v\nwant %+v", c.Database, want)
	}
	m := c.Monitor
	if m.CheckInterval != s/10 || m.MaxRestartFailures != 4 || m.CircuitResetTime != 5*s || m.StableTime != 6*s || m.MaxParallelRestarts != 7 ||
		m.MaxRestartsPerCycle != 8 || m.Unconfigured != UnconfiguredIgnore || !slices.Equal(m.ProtectedUnits, []string{"sshd.service"}) || !m.DryRun {
		t.Errorf("monitor: %+v", m)
	}
	if want := (Logging{MaxSize: 9 << 10, Level: LevelDebug, Format: FormatJSON, Compress: true}); c.Logging != want {
		t.Errorf("logging: %+v", c.Logging)
	}
	if want := (Process{
		Name: "a", Configured: true, Strategy: StrategyProcess, StartCommand: "c", OwnStartCommand: true, RunAs: "r", WorkingDirectory: "/w",
		StopTimeout: 11 * s, RestartTimeout: 12 * s, PreRestartCommand: "pre", PreRestartTimeout: 13 * s, HealthCheckCommand: "h",
		HealthCheckTimeout: 14 * s, HealthCheckInterval: 15 * s, RestartDelay: 16 * s, MaxAttempts: 17, Priority: -18,
	}); c.Process("a") != want {
		t.Errorf("process: %+v", c.Process("a"))
	}
	if b := c.Process("b"); b.Strategy != StrategyCustom || b.RestartCommand != "rc" || b.Unit != "b@1.service" {
		t.Errorf("process: %+v", b)
	}
}
