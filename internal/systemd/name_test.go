package systemd

import (
	"strings"
	"testing"
)

func TestNamesOfUnits(t *testing.T) {
	for _, test := range []struct {
		name, service string
		isService     bool // Of the name that ServiceName made.
	}{
		{"nginx", "nginx.service", true},
		{"nginx.service", "nginx.service", true},
		{"nginx.v2", "nginx.v2.service", true},
		{"w@1", "w@1.service", true},
		{"w@.service", "w@.service", false},
		{"w@1@.service", "w@1@.service", true},
		{"reboot.target", "reboot.target", false},
		{"-.mount", "-.mount", false},
		{"a.socket", "a.socket", false},
		{"a.slice", "a.slice", false},
		{"a.Service", "a.Service.service", true},
		{"a.services", "a.services.service", true},
		{"service", "service.service", true},
		{"", ".service", false},
		{".service", ".service", false},
		{"@1", "@1.service", false},
		{"a b", "a b.service", false},
		{"a/b", "a/b.service", false},
		{strings.Repeat("a", 247), strings.Repeat("a", 247) + ".service", true},
		{strings.Repeat("a", 248), strings.Repeat("a", 248) + ".service", false},
	} {
		service := ServiceName(test.name)
		if service != test.service || IsService(service) != test.isService {
			t.Errorf("%q: got %q, service %t", test.name, service, IsService(service))
		}
	}
}

func TestEscapedTextIsAlwaysAName(t *testing.T) {
	for _, text := range []string{"a", "..", "a b", "/usr/bin/app --x=$1", "ä\x00\xff\n", `\`, "-", "@", "a@"} {
		if name := UnitNameEscape(text) + ".service"; !IsService(name) {
			t.Errorf("%q became %q", text, name)
		}
	}
}

func FuzzUnitNameEscape(f *testing.F) {
	f.Add("a b")
	f.Add("\x01\x00é/..")
	f.Fuzz(func(t *testing.T, text string) {
		name := UnitNameEscape(text) + ".service"
		if text != "" && len(name) <= maxNameLength && !IsService(name) {
			t.Errorf("%q became %q", text, name)
		}
	})
}
