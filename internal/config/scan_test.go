package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMistakesOfForm(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
		want []string
	}{
		"unknown key":           {minimal + "hsot = a\n", 4, []string{"config.ini:4: [database] hsot: there is no such key", "did you mean host?"}},
		"key of elsewhere":      {minimal + "level = info\n", 4, []string{"it belongs in [logging]"}},
		"nearest of elsewhere":  {minimal + "log_files_to_kep = 1\n", 4, []string{"did you mean log_files_to_keep in [logging]?"}},
		"key in capitals":       {minimal + "Host = a\n", 4, []string{"did you mean host?"}},
		"unknown section":       {minimal + "[loging]\nfile = x\n", 4, []string{"[loging]", "did you mean [logging]?"}},
		"section far off":       {minimal + "[weather]\n", 4, []string{"there are [database]"}},
		"misspelt process":      {minimal + "[prcess.a]\n", 4, []string{"did you mean [process.a]?"}},
		"process alone":         {minimal + "[process]\n", 4, []string{"did you mean [process.default]?"}},
		"process without name":  {minimal + "[process.]\n", 4, []string{"name of the process is missing"}},
		"default of ini.v1":     {minimal + "[DEFAULT]\nhost = x\n", 4, []string{"no such section"}},
		"blanks around section": {minimal + "[ logging ]\n", 4, []string{"write [logging]"}},
		"blanks around name":    {minimal + "[process. a]\n", 4, []string{"write [process.a]"}},
		"section twice":         {minimal + "[logging]\n[logging]\nfile = x\n", 5, []string{"there already, at line 4"}},
		"key twice":             {minimal + "user = v\n", 4, []string{"[database] user", "there already, at line 2"}},
		"key twice, no value":   {minimal + "host =\nhost =\n", 5, []string{"there already, at line 4"}},
		"before all sections":   {"level = info\n" + minimal, 1, []string{"level", "before the first section", "belongs in [logging]"}},
		"no =":                  {minimal + "host\n", 4, []string{"no key = value"}},
		"colon":                 {minimal + "host: a\n", 4, []string{"no key = value"}},
		"no key":                {minimal + "= a\n", 4, []string{"no key = value"}},
		"ini.v1's counter":      {minimal + "- = a\n", 4, []string{"no key = value"}},
		"quoted key":            {minimal + "\"host\" = a\n", 4, []string{"no key = value"}},
		"open section":          {minimal + "[logging\nfile = x\n", 4, []string{"not closed with ]"}},
		"text after section":    {minimal + "[logging] file = x\n", 4, []string{"text after the section's name"}},
		"open quote":            {minimal + "host = \"a\n", 4, []string{"host = \"\\\"a\"", "quote is not closed"}},
		"open quote, needed":    {"[database]\ndatabase = d\nuser = \"u\n", 3, []string{"quote is not closed"}},
		"open quote, command":   {minimal + "[process.a]\nstart_command = echo 'a\n", 5, []string{"quote in the command is not closed"}},
		"several lines of ``":   {minimal + "host = `a`\n", 4, []string{"several lines"}},
		"several lines of \"\"": {minimal + "[process.a]\nstart_command = \"\"\"a\"\n", 5, []string{"several lines"}},
		"escape sequence":       {minimal + "host = a\x1b[31m\n", 4, []string{"control character U+001B"}},
		"lone carriage return":  {minimal + "host = a\rb\n", 4, []string{"control character U+000D"}},
		"NUL":                   {minimal + "host = \x00\n", 0, []string{"NUL"}},
		"not UTF-8":             {minimal + "host = \xff\n", 0, []string{"line 4 is not UTF-8"}},
		"UTF-16":                {"\xff\xfe[\x00", 0, []string{"UTF-16"}},
		"too large":             {strings.Repeat("#\n", maxFile), 0, []string{"larger than 1024 KB"}},
		"long line":             {minimal + "host = " + strings.Repeat("a", maxLine) + "\n", 4, []string{"longer than 16 KB"}},
	} {
		t.Run(name, func(t *testing.T) {
			if m := onlyMistake(t, c.text, c.want...); m.Line != c.line || m.File != testFile {
				t.Errorf("it points at %s:%d, want line %d", m.File, m.Line, c.line)
			}
		})
	}
}

func TestAllMistakesAreToldAtOnceInTheOrderOfTheFile(t *testing.T) {
	text := "[monitor]\ncheck_interval = 1x\nfoo\n[process.a]\nrun_as = 5\n[database]\nport = 0\nhsot = a\n"
	err := refused(t, text, "MONITOR_SERVICE_LOGGING_LEVEL=loud").Error()
	at := -1
	for _, part := range []string{
		"8 mistakes:", ":2: [monitor] check_interval = \"1x\": is not a duration; allowed: 100ms to 24h", ":3: [monitor]: ", ":5: [process.a] run_as = \"5\": ",
		":6: [database] user: is missing", ":6: [database] database: is missing",
		":7: [database] port = \"0\": is below the limit; allowed: 1 to 65535", ":8: [database] hsot",
		"MONITOR_SERVICE_LOGGING_LEVEL = \"loud\": ",
	} {
		next := strings.Index(err, part)
		if next <= at {
			t.Errorf("%q is not there, or not in its place, in\n%s", part, err)
		}
		at = next
	}
}

func TestALongListOfMistakesIsCut(t *testing.T) {
	mistakes := refused(t, strings.Repeat("x\n", 1000))
	if text := mistakes.Error(); len(mistakes) < 1000 || strings.Count(text, "\n") > maxShownMistakes+1 || !strings.Contains(text, "and 952 more") {
		t.Errorf("%d mistakes: %s", len(mistakes), text)
	}
}

func TestMistakesShowNoRawTerminalText(t *testing.T) {
	text := minimal + "[process.a\u202eb]\nrun_as = x\u202ey\n[\u202e]\n"
	if err := refused(t, text).Error(); strings.Contains(err, "\u202e") {
		t.Errorf("%q", err)
	}
}

func TestTrapsOfTheLibraryAreClosed(t *testing.T) {
	text := `[database]
user = %(database)s
database = %(user)s
password = %(password)s
[process.a]
start_command = run %(start_command)s \
pre_restart_command = "one" # "two"
health_check_timeout = 010
[process.a.b]
health_check_command = 'x' 'y'
[process.default]
max_attempts = 3
`
	c, _ := accepted(t, text)
	a, ab := c.Process("a"), c.Process("a.b")
	if c.Database.User != "%(database)s" || c.Database.Name != "%(user)s" {
		t.Errorf("interpolated: %q, %q", c.Database.User, c.Database.Name)
	}
	if got := c.Database.Password.Reveal(); got != "%(password)s" {
		t.Errorf("interpolated: %q", got)
	}
	if a.StartCommand != `run %(start_command)s \` {
		t.Errorf("interpolated or joined: %q", a.StartCommand)
	}
	if a.PreRestartCommand != `"one"` {
		t.Errorf("comment or quotes: %q", a.PreRestartCommand)
	}
	if a.HealthCheckTimeout != 10*time.Second {
		t.Errorf("octal: %v", a.HealthCheckTimeout)
	}
	if ab.StartCommand != "" || ab.PreRestartCommand != "" || ab.HealthCheckTimeout != 5*time.Second {
		t.Errorf("a.b inherits from a: %+v", ab)
	}
	if ab.HealthCheckCommand != `'x' 'y'` {
		t.Errorf("the shell's quotes came off: %q", ab.HealthCheckCommand)
	}
	if a.MaxAttempts != 3 || ab.MaxAttempts != 3 {
		t.Errorf("[process.default] is not inherited: %d, %d", a.MaxAttempts, ab.MaxAttempts)
	}
}

// The scanner refuses what ini.v1 is known to read differently. Should it miss
// something, the comparison has to find it.
func TestADisagreementWithTheLibraryIsAMistake(t *testing.T) {
	for name, stripped := range map[string]string{
		"another value":    "[database]\nuser = v\ndatabase = d\n",
		"another key":      "[database]\nuser = u\nhost = d\n",
		"a key less":       "[database]\nuser = u\n",
		"another section":  "[logging]\nuser = u\ndatabase = d\n",
		"a section more":   minimal + "[x]\n",
		"a key before":     "a = b\n" + minimal,
		"a key twice":      minimal + "user = v\n",
		"not read at all":  "[database]\nuser",
		"several lines":    "[database]\nuser = `u\ndatabase = d`\n",
		"a joined section": "[database]\nuser = u\n[database]\ndatabase = d\n",
	} {
		doc, mistakes := scan(testFile, []byte(minimal), newTable())
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		if m := doc.confirm(); m != nil {
			t.Fatalf("the same text is understood differently: %v", m)
		}
		doc.stripped = []byte(stripped)
		if m := doc.confirm(); m == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

func TestAFileFullOfSectionsIsReadInNoTime(t *testing.T) {
	var b strings.Builder
	b.WriteString(minimal)
	for i := 0; b.Len() < maxFile-100; i++ {
		fmt.Fprintf(&b, "[process.a.%d]\nunit = u%d\n", i, i)
	}
	c, _ := accepted(t, b.String())
	if n := len(c.ProcessNames()); n < 20_000 {
		t.Errorf("only %d sections", n)
	}
}
