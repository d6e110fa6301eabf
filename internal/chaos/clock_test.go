//go:build e2e

package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	clockProgram = "/usr/bin/monitor_service-clock"
	clockPath    = "/run/chaos/clock"
)

// clockStep is added to Go's package time: by how many seconds the daemon's
// wall clock differs from the host's, which is never touched. The file is
// looked at now and then.
const clockStep = `
var clockLook, clockOffset int64

func clockStep(mono int64) int64 {
	if mono-clockLook < 20e6 {
		return clockOffset
	}
	clockLook = mono
	fd, err := open("` + clockPath + `")
	if err != nil {
		return clockOffset
	}
	text := make([]byte, 32)
	n, _ := read(fd, text)
	closefd(fd)
	sign, seconds := int64(1), int64(0)
	for _, c := range text[:max(n, 0)] {
		switch {
		case c == '-':
			sign = -1
		case c >= '0' && c <= '9':
			seconds = 10*seconds + int64(c-'0')
		}
	}
	clockOffset = sign * seconds
	return clockOffset
}
`

// buildWithClock builds the program with a clock that the tests set. It is
// static, so that no library could come between it and the kernel.
func buildWithClock(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	original := filepath.Join(strings.TrimSpace(string(out)), "src/time/time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	patched := strings.Replace(string(text), now, now+"\tsec += clockStep(mono)\n", 1) + clockStep
	if !strings.Contains(patched, "\tsec += clockStep") {
		t.Fatalf("%s is not what it was: time.Now cannot be patched", original)
	}
	return build(t, "-overlay", overlay(t, map[string]string{original: patched}))
}

// overlay writes an overlay for go build that gives files another content.
func overlay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for path, text := range files {
		replace[path] = filepath.Join(dir, fmt.Sprint(len(replace), ".go"))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stepClock puts the daemon on a clock of its own and steps that by a day,
// forward and back, with recoveries under way.
func stepClock(s *stage, r *rand.Rand) func() {
	s.clock()
	drop := dropIns + "clock.conf"
	s.shell("mkdir -p " + dropIns + "; echo 0 >" + clockPath + "; printf '[Service]\\nExecStart=\\nExecStart=" +
		clockProgram + " run\\n' >" + drop + "; systemctl daemon-reload; systemctl restart " + daemonUnit)
	for _, step := range []int{86400, 0, -86400, 0, 86400, -86400} {
		s.shell(fmt.Sprintf("echo %d >%s; sleep 0.%d", step, clockPath, 3+r.IntN(6)))
	}
	return func() { s.shell("rm " + drop + "; systemctl daemon-reload; systemctl restart " + daemonUnit) }
}
