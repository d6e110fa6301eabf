package config

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	r := duration(100*time.Millisecond, day)
	for text, want := range map[string]time.Duration{
		"300": 300 * time.Second, "0300": 300 * time.Second, "00000000000000000000000000010": 10 * time.Second,
		"08": 8 * time.Second, "0.5": 500 * time.Millisecond, "500ms": 500 * time.Millisecond, "30s": 30 * time.Second,
		"5m": 5 * time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "1.5m": 90 * time.Second,
		"100ms": 100 * time.Millisecond, "24h": day, "86400": day,
	} {
		if got, err := r.read(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"99ms", "0", "-1", "-5m", "86401", "25h", "1d", "5 m", "5M", "1h-5m", "+5", "0x10", "1e3", "1_000", "five",
		"99999999999999999999", "9223372036854775807", "99999999999999999999h", "-99999999999999999999", "NaN", "", ".5", "5.", "1us", "1ns", "٣",
		"300 # x", "%(check_interval)s",
	} {
		if got, err := r.read(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestIntegers(t *testing.T) {
	r := integer(-5, 1000)
	for text, want := range map[string]int{"0": 0, "0300": 300, "08": 8, "-5": -5, "1000": 1000} {
		if got, err := r.read(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-6", "1001", "+1", "1.0", "0x1", "1_0", "", "--1", "99999999999999999999999", "-99999999999999999999999"} {
		if got, err := r.read(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestSizes(t *testing.T) {
	r := size(4*kib, 100*gib)
	for text, want := range map[string]int64{
		"5120": 5120 << 10, "05120": 5120 << 10, "4": 4096, "512K": 512 << 10, "512kb": 512 << 10,
		"5M": 5 << 20, "5MB": 5 << 20, "5 MB": 5 << 20, "1g": 1 << 30, "100GB": 100 << 30,
	} {
		if got, err := r.read(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"0", "3", "-1", "-99999999999999999999G", "101G", "9223372036854775807", "9223372036854775807G", "17179869185G", "99999999999999999999", "5B", "5T", "5.5M", "5MiB", "x", "",
	} {
		if got, err := r.read(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestBooleans(t *testing.T) {
	for word, want := range map[string]bool{
		"yes": true, "no": false, "true": true, "false": false, "on": true, "off": false, "1": true, "0": false, "YES": true, "Off": false,
	} {
		if got, err := boolean().read(word); err != nil || got != want {
			t.Errorf("%q is %v, %v", word, got, err)
		}
	}
	for _, word := range []string{"", "2", "y", "enabled", "00"} {
		if _, err := boolean().read(word); err == nil {
			t.Errorf("%q was taken", word)
		}
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]string{
		"nginx": "nginx.service", "nginx.service": "nginx.service", "a.b": "a.b.service", "w@1": "w@1.service",
		"-.mount": "-.mount", "x.timer": "x.timer", `dev-disk\x2d1.swap`: `dev-disk\x2d1.swap`,
		strings.Repeat("a", 247): strings.Repeat("a", 247) + ".service",
	} {
		if got, err := unit().read(text); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"w@", "w@.service", "@x", ".service", "a b", "a/b", "a*", "a;b", "ă", "$(x)", strings.Repeat("a", 248),
		strings.Repeat("a", 250) + ".timer",
	} {
		if got, err := unit().read(text); err == nil {
			t.Errorf("%q was taken for %q", text, got)
		}
	}
}

func TestUnitPatterns(t *testing.T) {
	got, err := unitPatterns().read("sshd, systemd-*  foo@[0-9].service\tx.timer")
	if want := []string{"sshd.service", "systemd-*", "foo@[0-9].service", "x.timer"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if got, err := unitPatterns().read("None"); err != nil || len(got) != 0 {
		t.Errorf("none is %q, %v", got, err)
	}
	for _, text := range []string{"[a", "a/b", ",", "a;b"} {
		if got, err := unitPatterns().read(text); err == nil {
			t.Errorf("%q was taken for %q", text, got)
		}
	}
}

func TestNamesAndPaths(t *testing.T) {
	for name, c := range map[string]struct {
		rule      rule[string]
		good, bad []string
	}{
		"host": {
			host(),
			[]string{"localhost", "db_1.example.org", "10.0.0.1", "::1", "fe80::1%eth0", "h"},
			[]string{"db:3306", "[::1]", "/run/mysqld/mysqld.sock", "a b", "-x", "a;b", strings.Repeat("a", 254)},
		},
		"user": {
			user(),
			[]string{"feeds", "_apt", "a.b", "svc$", "dom@example", `DOM\user`},
			[]string{"1000", "0", "-x", "a b", "a:b", "root;id", "ă", "$x"},
		},
		"path": {
			absolute(10),
			[]string{"/", "/a b", "/a=b#c"},
			[]string{"a", "./a", "~/a", "/0123456789", "/\x01"},
		},
		"text": {
			text(3),
			[]string{"ăîș", "a\tb", `"'"`},
			[]string{"abcd", "a\n", "\x1b", "\xff"},
		},
	} {
		for _, text := range c.good {
			if got, err := c.rule.read(text); err != nil || got != text {
				t.Errorf("%s %q is %q, %v", name, text, got, err)
			}
		}
		for _, text := range c.bad {
			if _, err := c.rule.read(text); err == nil {
				t.Errorf("%s %q was taken", name, text)
			}
		}
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", time.Second: "1s", 300 * time.Second: "5m", 90 * time.Second: "1m30s", time.Hour: "1h", 90 * time.Minute: "1h30m",
		100 * time.Millisecond: "100ms", 10 * time.Second: "10s", 10 * time.Minute: "10m", 20 * time.Hour: "20h", time.Hour + time.Second: "1h0m1s",
	} {
		if got := ShortDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d.String(), got, want)
		}
	}
}

func TestWithinSaysWhichLimit(t *testing.T) {
	_, below := integer(1, 5).read("0")
	_, above := integer(1, 5).read("6")
	if below == nil || above == nil || errors.Is(below, above) || below.Error() == above.Error() {
		t.Errorf("below: %v, above: %v", below, above)
	}
	if err := within(math.MaxInt, 0, math.MaxInt); err != nil {
		t.Error(err)
	}
}
