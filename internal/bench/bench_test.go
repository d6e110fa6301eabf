//go:build bench

package bench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	runs       = flag.Int("perf.runs", 5, "how often each pair is measured")
	sizes      = flag.String("perf.sizes", "1,10,200,1000", "the storms, in services")
	loopUpTo   = flag.Int("perf.loop", 200, "the largest storm that the shell loop is given, which takes minutes for more")
	tableRows  = flag.String("perf.rows", "10,1000,100000,1000000", "the tables of the poll, in rows")
	idleFor    = flag.Duration("perf.idle", 5*time.Minute, "how long an idle daemon is watched; less than 5m has no poll in it at check_interval = 300s")
	page       = flag.String("perf.page", "", "the file to write when everything was measured")
	profileDir = flag.String("perf.profile", "", "a directory for a CPU and a heap profile of each storm; the times are then not those of the program")
)

// bench is one run: the host, and what was found.
type bench struct {
	*stage
	report Report
}

// TestBench measures everything. It is one test, because everything is measured
// on one host and becomes one page.
func TestBench(t *testing.T) {
	b := &bench{stage: newStage(t)}
	b.report.Command = "make bench"
	b.report.Host = b.describe(t)
	items := []struct {
		name string
		run  func(*testing.T)
	}{
		{"storm", b.storm},
		{"one", b.one},
		{"head", b.headOfLine},
		{"poll", b.poll},
		{"memory", b.memoryOfAlarms},
		{"idle", b.idle},
		{"start", b.start},
		{"restart", b.restartUnderLoad},
	}
	ran := 0
	for _, item := range items {
		if t.Run(item.name, func(t *testing.T) { ran++; item.run(t) }); t.Failed() {
			return
		}
	}
	text := b.report.Markdown()
	t.Logf("\n%s", text)
	if *page == "" || ran < len(items) {
		return
	}
	if err := os.WriteFile(*page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describe says what the numbers were measured on.
func (b *bench) describe(t *testing.T) string {
	t.Helper()
	processor := "an unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name\t: "); ok {
			processor, _, _ = strings.Cut(rest, "\n")
		}
	}
	return fmt.Sprintf("%s processors (%s), systemd %s, MariaDB %s, %s runs, %s",
		b.Must(t, "nproc"), processor,
		strings.Fields(b.Must(t, "systemctl", "--version"))[1],
		strings.SplitN(b.SQL(t, "SELECT VERSION();"), "-", 2)[0],
		strconv.Itoa(*runs), time.Now().UTC().Format("2006-01-02"))
}

// numbers reads a list of them.
func numbers(t *testing.T, list string) []int {
	t.Helper()
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// keepProfile takes the profile out of a daemon that it ends.
func (b *bench) keepProfile(t *testing.T, name string) {
	t.Helper()
	if *profileDir == "" {
		return
	}
	b.stopDaemon(t)
	for _, kind := range []string{"cpu.pprof", "heap.pprof"} {
		text, err := os.ReadFile(b.Outside(profilePath + "/" + kind))
		if err == nil {
			err = os.WriteFile(filepath.Join(*profileDir, name+"-"+kind), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
