package config

import (
	"strings"
	"testing"
)

const listening = minimal + "[http]\nlisten = "

func TestThereIsNoListenerByDefault(t *testing.T) {
	for _, text := range []string{minimal, minimal + "[http]\n", listening + "\n", listening + "none\n"} {
		if c, warnings := accepted(t, text); c.HTTP.Listen != "" || len(warnings) > 0 {
			t.Errorf("%q: %+v, %s", text, c.HTTP, warningTexts(warnings))
		}
	}
}

func TestAListenersAddressIsRead(t *testing.T) {
	for _, c := range []struct {
		text, want string
		loopback   bool
	}{
		{"127.0.0.1:9187", "127.0.0.1:9187", true},
		{"127.1.2.3:1", "127.1.2.3:1", true},
		{"localhost:9187", "127.0.0.1:9187", true},
		{"[::1]:9187", "[::1]:9187", true},
		{"[0:0::1]:65535", "[::1]:65535", true},
		{"[::ffff:127.0.0.1]:9187", "[::ffff:127.0.0.1]:9187", true},
		{":9187", ":9187", false},
		{"0.0.0.0:9187", "0.0.0.0:9187", false},
		{"[::]:9187", "[::]:9187", false},
		{"192.0.2.7:80", "192.0.2.7:80", false},
		{"[fe80::1%eth0]:9187", "[fe80::1%eth0]:9187", false},
	} {
		got, warnings := accepted(t, listening+c.text+"\n")
		if got.HTTP.Listen != c.want || got.HTTP.Loopback() != c.loopback || got.HTTP.Port() == 0 {
			t.Errorf("%s: %+v, loopback %t, port %d", c.text, got.HTTP, got.HTTP.Loopback(), got.HTTP.Port())
		}
		if warned := strings.Contains(warningTexts(warnings), "everybody who reaches this address"); warned == c.loopback {
			t.Errorf("%s: warned %t", c.text, warned)
		}
	}
}

func TestAListenersAddressIsRefused(t *testing.T) {
	for text, says := range map[string]string{
		"9187":                  "is a port without an address: write 127.0.0.1:9187, or :9187 for all addresses",
		"127.0.0.1":             "has no port",
		"localhost":             "has no port",
		"::1:9187":              "write an IPv6 address in brackets",
		"::1":                   "write an IPv6 address in brackets",
		"[::1]":                 "with a port behind it",
		"[::1]9187":             "with a port behind it",
		"[127.0.0.1]:9187":      "is not an IPv6 address in brackets",
		"127.0.0.1:0":           `has "0" for a port`,
		"127.0.0.1:65536":       `has "65536" for a port`,
		"127.0.0.1:":            `has "" for a port`,
		"127.0.0.1:+80":         "for a port",
		"127.0.0.1:http":        `has "http" for a port`,
		"web1.example.com:9187": `has "web1.example.com" for an address`,
		"256.0.0.1:80":          "which is not an IP address",
		"*:9187":                "which is not an IP address",
		"http://127.0.0.1:9187": "is a URL",
		"/run/x.sock":           "has no port",
		"127.0.0.1:9187 ::1":    "write an IPv6 address in brackets",
	} {
		onlyMistake(t, listening+text+"\n", "[http] listen", says, "allowed: an IP address and a port such as 127.0.0.1:9187")
	}
	onlyMistake(t, listening+"127.0.0.1:9187\nweb_config = web.yml\n", "[http] web_config", "does not begin with /")
}

func TestUsersMayReachAListenerThatIsOpenToOthers(t *testing.T) {
	c, warnings := accepted(t, listening+":9187\nweb_config = /etc/monitor_service/web.yml\n")
	if len(warnings) > 0 || c.HTTP.WebConfig != "/etc/monitor_service/web.yml" {
		t.Errorf("%+v, %s", c.HTTP, warningTexts(warnings))
	}
	_, warnings = accepted(t, minimal+"[http]\nweb_config = /etc/monitor_service/web.yml\n")
	if got := warningTexts(warnings); !strings.Contains(got, "has no effect: listen is not set") {
		t.Error(got)
	}
}

func TestTheEnvironmentSetsAListener(t *testing.T) {
	if c, _ := accepted(t, minimal, "MONITOR_SERVICE_HTTP_LISTEN=127.0.0.1:9999"); c.HTTP.Listen != "127.0.0.1:9999" {
		t.Errorf("%+v", c.HTTP)
	}
}
