//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// idleShort is how long a daemon is watched that polls every second.
const idleShort = time.Minute

// idle measures what a daemon costs that has nothing to do.
func (b *bench) idle(t *testing.T) {
	table := Table{
		Title: "Idle",
		Text: "A daemon without alarms: its processor time, and how often one of its threads was woken, in a time with as many polls as the " +
			"table says.",
		Head: []string{"check_interval", "watched for", "polls", "processor time", "in an hour", "wake-ups"},
	}
	for _, c := range []struct {
		interval string
		watched  time.Duration
	}{
		{"1s", min(idleShort, *idleFor)},
		{"300s", *idleFor},
	} {
		b.daemon(t, strings.Replace(defaults, "100ms", c.interval, 1))
		time.Sleep(5 * time.Second) // what was started with it is done by then
		used, woken, polls, begin := b.processor(t, daemonUnit), b.wakeUps(t), b.selects(t), time.Now()
		time.Sleep(c.watched)
		took := time.Since(begin).Seconds()
		used, woken, polls = b.processor(t, daemonUnit)-used, b.wakeUps(t)-woken, b.selects(t)-polls
		table.Rows = append(table.Rows, []string{
			c.interval, Seconds(took), fmt.Sprint(polls), Seconds(used), Seconds(used / took * 3600), fmt.Sprintf("%.2f a second", woken/took),
		})
	}
	t.Log(table.Rows)
	b.report.Summary = append(b.report.Summary, table)
}

// wakeUps counts how often the daemon's threads went to sleep, as the kernel
// counts it.
func (b *bench) wakeUps(t *testing.T) float64 {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", b.pid(t)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0.0
	for _, path := range threads {
		if _, err := os.Stat(path); err != nil {
			continue // it has ended
		}
		n += figure(t, path, "voluntary_ctxt_switches")
	}
	return n
}
