//go:build e2e

package chaos

import (
	"crypto/sha256"
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

// clockStep is added to Go's package time, and clockMain to the program: by how
// many seconds the daemon's wall clock differs from the host's, which is never
// touched.
const (
	clockStep = `
var clockOffset int64

func StepClock(seconds int64) { clockOffset = seconds }
`
	clockMain = `package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

func init() {
	go func() {
		for ; ; time.Sleep(20 * time.Millisecond) {
			text, _ := os.ReadFile("` + clockPath + `")
			if seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
				time.StepClock(seconds)
			}
		}
	}()
}
`
)

// buildWithClock builds the program with a clock that the tests set. It is
// static, so that no library could come between it and the kernel. Since every
// package is compiled anew, it is not optimised, which is faster.
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
	patched := strings.Replace(string(text), now, now+"\tsec += clockOffset\n", 1) + clockStep
	if !strings.Contains(patched, "\tsec += clockOffset") {
		t.Fatalf("%s is not what it was: time.Now cannot be patched", original)
	}
	return build(t, "-gcflags=all=-N -l", "-overlay", overlay(t, map[string]string{
		original: patched, inTree(t, "cmd/monitor_service/clock.go"): clockMain,
	}))
}

// inTree is the absolute path of a file of the program.
func inTree(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// overlay writes an overlay for go build that gives files another content. To
// Go's cache a file's path is a part of what is compiled, so that each content
// has its own for good: with another clock every package is compiled.
func overlay(t *testing.T, files map[string]string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "monitor_service-test", "overlay")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	dir, replace := t.TempDir(), map[string]string{}
	for path, text := range files {
		kept := filepath.Join(cache, fmt.Sprintf("%x.go", sha256.Sum256([]byte(text))))
		aside := fmt.Sprint(kept, ".", os.Getpid())
		if err := os.WriteFile(aside, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(aside, kept); err != nil {
			t.Fatal(err)
		}
		replace[path] = kept
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
