package systemd

import (
	"os"
	"testing"
)

func TestOwnUnitOfControlGroups(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"v2 service", "0::/system.slice/monitor_service.service\n", "monitor_service.service"},
		{"v2 service, sub-group", "0::/system.slice/monitor_service.service/worker\n", "monitor_service.service"},
		{"v2 instance in a slice of its own", "0::/system.slice/system-app.slice/app@1.service\n", "app@1.service"},
		{"v2 escaped name", "0::/system.slice/_cgroup.service\n", "cgroup.service"},
		{"v2 session", "0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"},
		{"v2 user manager's unit", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.service\n", "user@1000.service"},
		{"v2 init", "0::/init.scope\n", "init.scope"},
		{"v2 root", "0::/\n", ""},
		{"v2 outside of the namespace", "0::/../../system.slice/a.service\n", ""},
		{"v2 container", "0::/docker/0123456789abcdef\n", ""},
		{"v2 only slices", "0::/system.slice\n", ""},
		{
			"v1 service", "12:pids:/system.slice/crond.service\n11:cpu,cpuacct:/\n" +
				"1:name=systemd:/system.slice/crond.service\n", "crond.service",
		},
		{
			"hybrid", "2:cpu:/elsewhere.service\n1:name=systemd:/system.slice/a.service\n" +
				"0::/system.slice/a.service\n", "a.service",
		},
		{"hybrid, unified first", "0::/system.slice/b.service\n1:name=systemd:/system.slice/a.service\n", "a.service"},
		{"v2 container on a v1 host", "9:name=systemd:/\n1:cpu:/\n0::/system.slice/a.service\n", "a.service"},
		{"v1 container without systemd", "1:name=systemd:/docker/0123456789abcdef\n", ""},
		{"v1 without systemd", "3:cpu:/a.service\n2:pids:/a.service\n", ""},
		{"a colon in the name", "0::/system.slice/a:b.service\n", "a:b.service"},
		{"no newline at the end", "0::/system.slice/a.service", "a.service"},
		{"nothing", "", ""},
		{"nonsense", "a\n::\n0:\n\x00\n", ""},
	} {
		if got := unitOfCgroups(test.text); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzUnitOfCgroups(f *testing.F) {
	f.Add("0::/system.slice/a.service\n")
	f.Add("1:name=systemd:/user.slice/_x.scope/..\n")
	f.Fuzz(func(t *testing.T, text string) {
		if unit := unitOfCgroups(text); unit != "" && (!validName(unit) || unitType(unit) == "slice") {
			t.Errorf("got %q", unit)
		}
	})
}

func TestOwnUnitIsThatOfThisProcess(t *testing.T) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := OwnUnit(), unitOfCgroups(string(text)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
