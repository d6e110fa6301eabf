package cli

import (
	"strings"
	"testing"
)

func TestUserThatThisHostDoesNotHaveIsWarnedOfOnce(t *testing.T) {
	status, _, stderr := runCheckConfig(t, `[database]
driver = sqlite
path = /var/lib/alarms.db
[process.default]
restart_strategy = process
run_as = nobody-at-all
[process.a]
[process.b]
run_as = no-such-user
[process.c]
restart_strategy = service
[process.d]
run_as = root
[process.e]
`)
	if status != exitDone {
		t.Errorf("exit status %d, want %d: it may be a file for another host", status, exitDone)
	}
	for _, want := range []string{
		`config.ini:6: [process.default] run_as: this host has no user "nobody-at-all"`,
		`config.ini:9: [process.b] run_as: this host has no user "no-such-user"`,
	} {
		if strings.Count(stderr, want) != 1 {
			t.Errorf("%q is not said once in\n%s", want, stderr)
		}
	}
	if n := strings.Count(stderr, "this host has no user"); n != 2 {
		t.Errorf("%d users are warned of, want 2:\n%s", n, stderr)
	}
}
