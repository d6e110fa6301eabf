package cli

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

func TestABreakerSaysWhenItsTrialIs(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 49, 46, 0, time.UTC)
	for _, c := range []struct {
		inAlarm bool
		trial   time.Duration
		want    string
	}{
		{true, 15 * time.Minute, "open, trial in 15m"},
		{true, 0, "open, trial at the next poll"},
		{false, 15 * time.Minute, "open, no trial for 15m"},
		{false, -time.Hour, "open, trial at its next alarm"},
	} {
		p := control.Process{InAlarm: c.inAlarm, Breaker: control.Breaker{State: "open", NextTrial: now.Add(c.trial)}}
		if got := breakerCell(control.Status{Now: now}, p).text; got != c.want {
			t.Errorf("in alarm %t, trial in %s: %q", c.inAlarm, c.trial, got)
		}
	}
}

// busy is a status with much of everything, the process that failed being last
// by name.
func busy() control.Status {
	now := time.Date(2026, 11, 23, 2, 49, 46, 0, time.Local)
	st := control.Status{Now: now, Started: now.Add(-time.Hour), Database: control.Database{Name: "x", LastPoll: now}}
	last := func(o history.Outcome) *history.Recovery {
		return &history.Recovery{Ended: now.Add(-26 * time.Hour), Outcome: o, Seconds: 1.2, Reason: "health_check_failed"}
	}
	closed := control.Breaker{State: "closed", MaxFailures: 3}
	for i := range 40 {
		st.Processes = append(st.Processes, control.Process{
			Name: fmt.Sprintf("backend-worker-%02d", i), State: control.OK, Strategy: "service", Unit: "backend.service",
			Breaker: closed, Last: last(history.Succeeded),
		})
	}
	return withProcesses(st,
		control.Process{Name: "named", State: control.LeftAlone, Reason: "foreign_unit", InAlarm: true, AlarmSince: now.Add(-50 * time.Hour), Breaker: closed},
		control.Process{Name: "paused", State: control.Paused, Pause: &control.Pause{By: "ops", Since: now, Until: now.Add(48 * time.Hour)}, Breaker: closed},
		control.Process{
			Name: "zookeeper-on-this-host", State: control.Open, InAlarm: true, AlarmSince: now.Add(-20 * time.Minute), Strategy: "service", Unit: "zookeeper.service",
			Breaker: control.Breaker{State: "open", Failures: 3, MaxFailures: 3, NextTrial: now.Add(15 * time.Minute), LastError: strings.Repeat("refused ", 40)},
			Last:    last(history.Failed),
		},
		control.Process{Name: "mended", State: control.Open, Breaker: control.Breaker{State: "open", Failures: 3, MaxFailures: 3}, Last: last(history.Failed)},
	)
}

func withProcesses(st control.Status, more ...control.Process) control.Status {
	st.Processes = append(st.Processes, more...)
	return st
}

func TestWhatNeedsSomebodyComesFirst(t *testing.T) {
	st := busy()
	p := statusPage(screen{}, st, "")
	var got []string
	for _, row := range p.rows[:5] {
		got = append(got, strings.Fields(row[0])[0])
	}
	if want := []string{"mended", "zookeeper-on-this-host", "named", "paused", "backend-worker-00"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if st.Processes[0].Name != "backend-worker-00" {
		t.Error("the status itself was sorted, which others read")
	}
}

// TestThePageAndTheCommandAgreeOnWhatNeedsSomebody reads the page's list.
func TestThePageAndTheCommandAgreeOnWhatNeedsSomebody(t *testing.T) {
	text, err := os.ReadFile("../web/page/format.js")
	if err != nil {
		t.Fatal(err)
	}
	states := regexp.MustCompile(`(?m)^  ([a-z_]+): \{ label: .* rank: (\d+) \},$`).FindAllStringSubmatch(string(text), -1)
	if len(states) != 12 {
		t.Errorf("%d states", len(states))
	}
	for _, m := range states {
		if rank, _ := strconv.Atoi(m[2]); need(control.State(m[1])) != rank {
			t.Errorf("%s needs somebody %d here and %d on the page", m[1], need(control.State(m[1])), rank)
		}
	}
}

func TestTheUsualTerminalGetsALineForEachProcess(t *testing.T) {
	for columns := 80; columns < 200; columns++ {
		p := statusPage(screen{width: columns}, busy(), "")
		if p.title == "" {
			t.Fatalf("%d columns: no table:\n%s", columns, p)
		}
		for _, line := range p.tableLines(p.rows, 0) {
			if width(line) > columns {
				t.Errorf("%d columns: %q takes %d", columns, line, width(line))
			}
		}
		for _, part := range []string{"trial in 15m", "left_alone: foreign_unit", "20m"} {
			if !strings.Contains(p.String(), part) {
				t.Errorf("%d columns: no %q in\n%s", columns, part, p)
			}
		}
	}
	if p := statusPage(screen{width: 40}, busy(), ""); p.title != "" {
		t.Errorf("a table of 40 columns: %s", p.title)
	}
}

func TestAFileGetsAllOfIt(t *testing.T) {
	text := statusPage(screen{}, busy(), "").String()
	for _, part := range []string{"TARGET", "backend-worker-39", strings.TrimSpace(strings.Repeat("refused ", 40)), "health_check_failed"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	if strings.Contains(text, "…") {
		t.Errorf("something is cut:\n%s", text)
	}
}

// TestAFullScreenShowsWhatFails cuts the page to all heights: what it leaves out
// is counted, and what fails and its error stay as long as there is room.
func TestAFullScreenShowsWhatFails(t *testing.T) {
	st := busy()
	for _, columns := range []int{40, 80, 132} {
		p := statusPage(screen{width: columns}, st, "")
		all := len(lines(p.String()))
		for height := 1; height <= all+2; height++ {
			got := p.within(height, 80)
			text := strings.Join(got, "\n")
			if len(got) > height {
				t.Fatalf("%d lines for %d:\n%s", len(got), height, text)
			}
			if height < all && !strings.Contains(text, "… and ") || height >= all && len(got) != all {
				t.Fatalf("%d of %d lines, and it does not say so:\n%s", height, all, text)
			}
			if columns < 80 || height < 15 {
				continue
			}
			for _, part := range []string{"mended ", "zookeeper", "left_alone", "paused is paused", "failed last with: refused"} {
				if !strings.Contains(text, part) {
					t.Fatalf("%d lines: no %q in\n%s", height, part, text)
				}
			}
		}
	}
	p := statusPage(screen{width: 80}, st, "")
	// A screen of 24: the head, the table's title, 15 rows, the notes, and what
	// is between them.
	if text := strings.Join(p.within(23, 80), "\n"); !strings.Contains(text, "\n… and 29 more\n") {
		t.Errorf("not all that is left out is counted:\n%s", text)
	}
}

func TestALineThatIsTooLongEndsWithAMark(t *testing.T) {
	s := screen{color: true}
	line := s.paint(red, "日本語 is down") + " since " + s.paint(bold, "yesterday")
	plain := "日本語 is down since yesterday"
	for columns := 1; columns < 40; columns++ {
		got := fitPainted(line, columns)
		bare := painted.ReplaceAllString(got, "")
		if width(bare) > columns || strings.HasSuffix(bare, "…") != (width(plain) > columns) {
			t.Errorf("%d columns: %q takes %d", columns, got, width(bare))
		}
		if strings.Count(got, "\x1b[") != 4 {
			t.Errorf("%d columns: %q does not end its colours", columns, got)
		}
	}
}

func TestALongErrorIsBrokenWhereThereIsRoomForAllOfIt(t *testing.T) {
	failure := "bad failed last with: " + strings.Repeat("refused ", 20) + "END"
	p := page{head: []string{"head"}, title: "PROCESS", rows: [][]string{{"bad"}}, notes: []string{failure}}
	got := p.within(24, 80)
	if text := strings.Join(got, ""); !strings.Contains(text, failure) || len(got) != 8 {
		t.Errorf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	for _, line := range got {
		if width(line) > 80 {
			t.Errorf("%d columns: %s", width(line), line)
		}
	}
	if got := p.within(6, 80); len(got) > 6 || got[len(got)-1] != failure {
		t.Errorf("where there is none: %q", got)
	}
	p.notes[0] = strings.Repeat("x", 1000)
	if got := p.within(24, 80); len(got) != 9 || !strings.HasSuffix(got[8], "…") {
		t.Errorf("an error without end: %q", got)
	}
}
