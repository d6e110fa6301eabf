package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The defaults are a promise: this is the table that operators were given.
func TestKeysAndDefaultsAreThePromisedOnes(t *testing.T) {
	want := map[string]map[string]string{
		"database": {
			"driver": "mysql", "host": "localhost", "port": "3306", "socket": "found",
			"user": "–", "password": "–", "password_file": "–", "database": "–", "path": "–",
			"tls": "off", "tls_ca": "–", "tls_cert": "–", "tls_key": "–",
			"connect_timeout": "5", "query_timeout": "10", "clear_alarm": "yes", "clear_timeout": "900",
		},
		"monitor": {
			"check_interval": "300", "max_restart_failures": "3", "circuit_reset_time": "1800", "stable_time": "600",
			"max_parallel_restarts": "8", "max_restarts_per_cycle": "0 (no cap)", "unconfigured_processes": "default",
			"protected_units": "dbus.service dbus-broker.service systemd-*.service", "dry_run": "no",
		},
		"logging": {
			"file": "/var/log/monitor_service.log", "max_log_size": "5120 KB", "log_files_to_keep": "5",
			"level": "info", "format": "text", "compress": "no",
		},
		"control": {"socket": "/run/monitor_service/control.sock"},
		"http":    {"listen": "none", "web_config": "–"},
		"notify": {
			"email_to": "–", "email_from": "monitor_service@HOST", "email_events": calmEvents,
			"smtp_host": "–", "smtp_port": "587 for starttls, 465 for tls, 25 for off", "smtp_tls": "starttls", "smtp_ca": "–",
			"smtp_user": "–", "smtp_password": "–", "smtp_password_file": "–",
			"webhook_url": "–", "webhook_url_file": "–", "webhook_format": "json", "webhook_ca": "–", "webhook_events": calmEvents,
			"command": "–", "command_events": calmEvents, "command_timeout": "30",
			"database_after": "300", "group_wait": "10", "group_interval": "300", "send_timeout": "30", "retry_for": "3600",
		},
		"process": {
			"restart_strategy": "auto", "unit": "NAME(.service)", "start_command": "NAME", "run_as": "daemon's user",
			"working_directory": "/", "restart_command": "–", "stop_timeout": "10", "restart_timeout": "90",
			"pre_restart_command": "–", "pre_restart_timeout": "30", "health_check_command": "built in",
			"health_check_timeout": "5", "health_check_interval": "1", "restart_delay": "2", "max_attempts": "2", "priority": "0",
		},
	}
	got := make(map[string]map[string]string)
	for _, k := range Keys() {
		if got[k.Section] == nil {
			got[k.Section] = make(map[string]string)
		}
		got[k.Section][k.Name] = k.Default
		if k.Allowed == "" || k.Meaning == "" {
			t.Errorf("%s.%s has no words for a person", k.Section, k.Name)
		}
		if isCommand := k.Name == "command" || strings.HasSuffix(k.Name, "_command"); k.Command != isCommand {
			t.Errorf("%s.%s: Command is %v", k.Section, k.Name, k.Command)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBuiltInDefaultsAreWhatTheTableShows(t *testing.T) {
	bare, _ := accepted(t, minimal)
	for _, k := range Keys() {
		if k.builtin == "" {
			continue
		}
		if k.Default != k.builtin && !strings.HasPrefix(k.Default, k.builtin+" ") {
			t.Errorf("%s.%s shows %q and is %q", k.Section, k.Name, k.Default, k.builtin)
		}
	}
	// Said in the file, the defaults make the same configuration.
	var said strings.Builder
	section := ""
	for _, k := range Keys() {
		if k.Section != section {
			section = k.Section
			head := section
			if section == sectionProcess {
				head = defaultSection
			}
			said.WriteString("[" + head + "]\n")
		}
		switch k.Name {
		case "user":
			said.WriteString("user = u\n")
		case "database":
			said.WriteString("database = d\n")
		default:
			said.WriteString(k.Name + " = " + k.builtin + "\n")
		}
	}
	c, _ := accepted(t, said.String())
	c.origins, bare.origins = nil, nil
	if diff := cmp.Diff(bare, c, cmp.AllowUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
}

func TestKeyTableHasEveryKeyOnce(t *testing.T) {
	table := KeyTable()
	for _, k := range Keys() {
		section := table[strings.Index(table, "### "+sectionLabel(k.Section)):]
		if next := strings.Index(section[4:], "\n### "); next >= 0 {
			section = section[:next+4]
		}
		if n := strings.Count(section, "\n| `"+k.Name+"` | "); n != 1 {
			t.Errorf("%s.%s is there %d times", k.Section, k.Name, n)
		}
	}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| ") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 {
			t.Errorf("a row without four cells: %s", line)
		}
	}
}

const exampleFile = "../../config.ini.example"

func TestTheExampleLoadsAndMeansTheDefaults(t *testing.T) {
	content, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	c, warnings := accepted(t, string(content))
	if len(warnings) > 0 {
		t.Errorf("warnings:\n%s", warningTexts(warnings))
	}
	bare, _ := accepted(t, strings.NewReplacer("= u\n", "= "+c.Database.User+"\n", "= d\n", "= "+c.Database.Name+"\n").Replace(minimal))
	c.origins, bare.origins = nil, nil
	if diff := cmp.Diff(bare, c, cmp.AllowUnexported(Config{})); diff != "" {
		t.Errorf("it says more than the defaults:\n%s", diff)
	}
}

// exampleSection is what the example says about a kind of section.
func exampleSection(content, kind string) string {
	_, rest, _ := strings.Cut(content, "\n["+kind)
	if kind == sectionProcess {
		return rest
	}
	section, _, _ := strings.Cut(rest, "\n[")
	return section
}

func TestTheExampleNamesEveryKeyAndEachLineOfItIsRight(t *testing.T) {
	content, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	commented := regexp.MustCompile(`(?m)^#([a-z_]+ = |\[process\.)`)
	all := commented.ReplaceAllString(string(content), "$1")
	all = regexp.MustCompile(`(?m)^([a-z_]+_file) = .*$`).ReplaceAllString(all, "$1 = "+
		writeFile(t, t.TempDir()+"/secret", "https://example.com/", 0o600))
	c, _ := accepted(t, all)
	for _, k := range Keys() {
		if k.Own {
			continue
		}
		content := exampleSection(string(content), k.Section)
		if !regexp.MustCompile(`(?m)^#?` + k.Name + ` = `).MatchString(content) {
			t.Errorf("%s.%s is not in the example", k.Section, k.Name)
		}
		// What is shown as the default is the default.
		line := regexp.MustCompile(`(?m)^#` + k.Name + ` = (.*?)( +#.*)?$`).FindStringSubmatch(content)
		if line != nil && k.builtin != "" && line[1] != k.builtin {
			t.Errorf("%s.%s is shown as %q, the default is %q", k.Section, k.Name, line[1], k.builtin)
		}
	}
	if got := len(c.ProcessNames()); got != 4 {
		t.Errorf("%d example processes", got)
	}
}
