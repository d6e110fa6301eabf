//go:build e2e

package chaos

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"monitor_service/internal/testenv/host"
)

var pollsFlag = flag.Int("chaos.polls", 50, "for how many polls the soak test goes on")

const figuresPath = "/run/chaos/goroutines"

// figuresMain is added to the program: how many goroutines there are cannot be
// seen from outside.
const figuresMain = `package main

import (
	"os"
	"runtime"
	"strconv"
	"time"
)

func init() {
	go func() {
		for ; ; time.Sleep(50 * time.Millisecond) {
			_ = os.WriteFile("` + figuresPath + `.new", []byte(strconv.Itoa(runtime.NumGoroutine())), 0o600)
			_ = os.Rename("` + figuresPath + `.new", "` + figuresPath + `")
		}
	}()
}
`

// figures are what a daemon uses.
type figures struct {
	rssKB, fds, goroutines, threads int
}

func (f figures) String() string {
	return fmt.Sprintf("%d KB resident, %d descriptors, %d goroutines, %d threads", f.rssKB, f.fds, f.goroutines, f.threads)
}

// TestTheDaemonNeedsNoMoreAfterManyPolls gives the daemon work in each poll and
// compares what it uses at the end with what it used when it was warm.
func TestTheDaemonNeedsNoMoreAfterManyPolls(t *testing.T) {
	host.Require(t)
	s := newStage(t, build(t, "-overlay", overlay(t, map[string]string{
		inTree(t, "cmd/monitor_service/figures.go"): figuresMain,
	})))
	s.Put(t, configPath, strings.Replace(configuration, "check_interval = 200ms", "check_interval = 100ms", 1), 0o640)
	s.sql("SET GLOBAL userstat = 1")
	l, end := s.load(1)
	defer end()
	l.pause = 50 * ms // some process or other is always in alarm
	l.raising.Store(true)

	warm := *pollsFlag / 10
	s.awaitPolls(l, warm)
	pid, err := s.outsidePID(s.Property(t, daemonUnit, "MainPID"))
	if err != nil {
		t.Fatal(err)
	}
	before := s.figures(pid)
	t.Logf("after %6d polls: %s", s.polls(l), before)
	for part := range 10 {
		s.awaitPolls(l, warm+(part+1)**pollsFlag/10)
		t.Logf("after %6d polls and %6d recoveries: %s", s.polls(l), l.cleared(), s.figures(pid))
	}
	l.raising.Store(false)
	s.Eventually(t, "every alarm is cleared", host.Limit, func() bool { return l.standing() == 0 })
	after := s.figures(pid)
	t.Logf("at rest after that:   %s", after)
	// The recoveries under way have goroutines and descriptors of their own.
	const underWay = 20
	if after.rssKB > before.rssKB+before.rssKB/2 || after.fds > before.fds+underWay || after.goroutines > before.goroutines+underWay ||
		after.threads > before.threads+underWay {
		t.Errorf("it needed %s and needs %s", before, after)
	}
}

// awaitPolls waits until there were so many polls. A poll takes 100 ms.
func (s *stage) awaitPolls(l *load, n int) {
	s.t.Helper()
	limit := host.Limit + time.Duration(n)*time.Second
	s.Eventually(s.t, fmt.Sprintf("%d polls", n), limit, func() bool {
		time.Sleep(200 * ms)
		return s.polls(l) >= n
	})
}

// polls is how often the daemon has read the alarms, by the database's own
// statistics: each recovery reads its alarm once more.
func (s *stage) polls(l *load) int {
	s.t.Helper()
	var selects int
	err := s.db.QueryRowContext(s.t.Context(),
		"SELECT SELECT_COMMANDS FROM information_schema.USER_STATISTICS WHERE USER = 'monitor'").Scan(&selects)
	if err != nil {
		return 0
	}
	return selects - l.cleared()
}

func (s *stage) figures(pid int) figures {
	s.t.Helper()
	p, err := procfs.NewProc(pid)
	if err != nil {
		s.t.Fatal(err)
	}
	status, err := p.NewStatus()
	if err != nil {
		s.t.Fatal(err)
	}
	stat, err := p.Stat()
	if err != nil {
		s.t.Fatal(err)
	}
	fds, err := p.FileDescriptorsLen()
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := os.ReadFile(s.Outside(figuresPath))
	if err != nil {
		s.t.Fatal(err)
	}
	goroutines, err := strconv.Atoi(string(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return figures{rssKB: int(status.VmRSS / 1024), fds: fds, goroutines: goroutines, threads: stat.NumThreads}
}
