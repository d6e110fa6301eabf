package systemd

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// sleeper is a transient unit that asks for nothing special.
func sleeper(name string) Transient {
	return Transient{Name: name, Command: []string{"/bin/sleep", "infinity"}}
}

func TestATransientUnitThatSystemdCouldNotTakeIsRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Transient)
		want   string
	}{
		{"no command", func(t *Transient) { t.Command = nil }, "absolute path"},
		{"relative command", func(t *Transient) { t.Command[0] = "sleep" }, "absolute path"},
		{"NUL in an argument", func(t *Transient) { t.Command[1] = "a\x00b" }, "D-Bus"},
		{"argument that is not UTF-8", func(t *Transient) { t.Command[1] = "\xff" }, "D-Bus"},
		{"environment that is not UTF-8", func(t *Transient) { t.Environment = []string{"A=\xff"} }, "D-Bus"},
		{"something to expand", func(t *Transient) { t.Command[1] = "a$b" }, "which systemd would change"},
		{"a separator", func(t *Transient) { t.Command[1] = "a;b" }, "which systemd would change"},
		{"user with NUL", func(t *Transient) { t.User = "\x00" }, "D-Bus"},
		{"directory with NUL", func(t *Transient) { t.WorkingDirectory = "/\x00" }, "D-Bus"},
		{"a target", func(t *Transient) { t.Name = "reboot.target" }, "unit name"},
		{"a name without suffix", func(t *Transient) { t.Name = "a" }, "unit name"},
	} {
		unit := sleeper("a.service")
		test.change(&unit)
		if _, err := unit.properties(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}

func TestTextFromOutsideStaysOnOneLine(t *testing.T) {
	unit := sleeper("a.service")
	unit.Description = "a\nExecStart=/bin/evil\x00\xff"
	unit.SyslogIdentifier = "a\nb"
	properties, err := unit.properties()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range properties {
		if text, ok := p.Value.Value().(string); ok && (strings.ContainsAny(text, "\n\x00") || !utf8.ValidString(text)) {
			t.Errorf("%s is %q", p.Name, text)
		}
	}
}

func TestNegativeTimesAreNoTimes(t *testing.T) {
	unit := sleeper("a.service")
	unit.StartTimeout, unit.StopTimeout = -time.Second, -time.Second
	properties, err := unit.properties()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range properties {
		if strings.HasPrefix(p.Name, "Timeout") {
			t.Errorf("%s is %s", p.Name, p.Value)
		}
	}
}
