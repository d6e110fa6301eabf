package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/breaker"
	"monitor_service/internal/cli"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/logging"
	"monitor_service/internal/recovery"
)

const readme = "../../README.md"

var update = flag.Bool("update", false, "write the generated parts of the README")

// generated is what stands between the marks in the README.
var generated = regexp.MustCompile(`(?s)(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- end -->)`)

// TestREADMESaysWhatTheProgramSays compares the generated parts of the README,
// and of the page that shows what the commands print, with what the code gives.
// go test ./cmd/monitor_service -update writes them.
func TestREADMESaysWhatTheProgramSays(t *testing.T) {
	commands := operators(t)
	compare(t, readme, map[string]func(*testing.T) string{
		"keys":       func(*testing.T) string { return config.KeyTable() },
		"help":       help,
		"manual":     manual,
		"log":        log,
		"operators":  func(*testing.T) string { return commands["operators"] },
		"events":     events,
		"states":     states,
		"vocabulary": vocabulary,
		"notify":     notification,
		"bench":      performance,
	})
	parts := map[string]func(*testing.T) string{}
	for name, text := range commands {
		if name != "operators" {
			parts[name] = func(*testing.T) string { return text }
		}
	}
	compare(t, commandsDoc, parts)
}

// compare compares a document's generated parts, all of them, with what they
// should be.
func compare(t *testing.T, path string, parts map[string]func(*testing.T) string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	text := generated.ReplaceAllStringFunc(string(old), func(part string) string {
		m := generated.FindStringSubmatch(part)
		produce, ok := parts[m[2]]
		if !ok {
			t.Fatalf("%s: nothing produces the part %q", path, m[2])
		}
		seen++
		want := "\n" + strings.TrimSpace(produce(t)) + "\n\n"
		if !*update && m[3] != want {
			t.Errorf("%s: the part %q is out of date, run: go test ./cmd/monitor_service -update\nit should be:\n%s", path, m[2], want)
		}
		return m[1] + want + m[4]
	})
	if seen != len(parts) {
		t.Errorf("%s: %d generated parts, want %d", path, seen, len(parts))
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestREADMEsTargetsExist looks for each make target that the README names.
func TestREADMEsTargetsExist(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	included, err := os.ReadFile("../../deploy/package.mk")
	if err != nil {
		t.Fatal(err)
	}
	makefile = append(makefile, included...)
	for _, m := range regexp.MustCompile("(?m)(?:^ +|`)make ([a-z-]+)").FindAllSubmatch(text, -1) {
		if !regexp.MustCompile(`(?m)^` + string(m[1]) + `:`).Match(makefile) {
			t.Errorf("the README tells to make %s, and there is no such target", m[1])
		}
	}
}

// TestREADMEExplainsEveryReason compares the table of reasons with the code's.
func TestREADMEExplainsEveryReason(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range logging.Messages() {
		if m.Event != recovery.NotActing.String() {
			continue
		}
		switch m.Reason {
		case "running", "queued", "write_back_pending", "stopping":
			continue // told by other events, or gone in a moment
		}
		if !strings.Contains(string(text), "| `"+m.Reason+"` |") {
			t.Errorf("the README does not explain the reason %q: %s", m.Reason, m.Text)
		}
	}
}

// dateTime is a time as the program writes it into a sentence.
var dateTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// events lists what is told, with the journal's message identifiers.
func events(*testing.T) string {
	var b strings.Builder
	b.WriteString("| event | level | `MESSAGE_ID` | message |\n|---|---|---|---|\n")
	last := ""
	for _, m := range logging.Messages() {
		if m.Event == last {
			continue // the reasons are explained elsewhere
		}
		last = m.Event
		level, text := m.Level, m.Text
		if m.Reason != "" {
			level, text = "by reason", "Process is left alone, …"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", m.Event, level, m.ID, text)
	}
	for _, m := range append(logging.ChannelMessages(), logging.LifeMessages()...) {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", m.Event, m.Level, m.ID, m.Text)
	}
	return b.String()
}

// states lists the words for how a process is, and for how a recovery ended.
func states(*testing.T) string {
	var b strings.Builder
	table := func(title string, list []control.Meaning) {
		fmt.Fprintf(&b, "| %s | |\n|---|---|\n", title)
		for _, m := range list {
			fmt.Fprintf(&b, "| `%s` | %s |\n", m.Word, m.Text)
		}
		b.WriteByte('\n')
	}
	table("`state` of a process", control.States())
	table("`outcome` of a recovery", control.Outcomes())
	return b.String()
}

// vocabulary lists the attributes of the events.
func vocabulary(*testing.T) string {
	var b strings.Builder
	b.WriteString("| attribute | journal field | meaning |\n|---|---|---|\n")
	for _, w := range logging.Vocabulary() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", w.Key, w.Field, w.Meaning)
	}
	return b.String()
}

func help(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	if code := cli.Main([]string{"--help"}, nil, &out, &out); code != 0 {
		t.Fatalf("--help ends with %d", code)
	}
	_, commands, ok := strings.Cut(out.String(), "Available Commands:\n")
	if !ok {
		t.Fatalf("no commands in %q", out.String())
	}
	commands, _, _ = strings.Cut(commands, "\n\n")
	return "```\n" + commands + "\n```"
}

// manual is what the commands end with, and what signals the daemon takes. The
// rest of it is told in other words.
func manual(*testing.T) string {
	var b strings.Builder
	for _, s := range cli.Manual()[:2] {
		fmt.Fprintf(&b, "| %s | |\n|---|---|\n", strings.ToLower(s.Title))
		for _, e := range s.Entries {
			fmt.Fprintf(&b, "| %s | %s |\n", e.Term, e.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// log shows the lines of one recovery, one refusal, one breaker and one outage.
func log(t *testing.T) string {
	t.Helper()
	at := time.Date(2026, 11, 23, 2, 49, 46, 0, time.Local)

	var out strings.Builder
	logs, err := logging.New(config.Logging{Level: config.LevelInfo, Format: config.FormatText}, logging.Console(&out))
	if err != nil {
		t.Fatal(err)
	}
	write := logging.Events(logs.Logger())
	unit := func(name string) recovery.Target {
		return recovery.Target{Strategy: config.StrategyService, Unit: name + ".service"}
	}
	closed := breaker.Snapshot{State: breaker.Closed}
	failed := errors.New(`unit "batch.service" is failed (exit-code)`)
	open := breaker.Snapshot{State: breaker.Open, Failures: 3, NextTrial: time.Date(2026, 11, 23, 3, 20, 1, 0, time.UTC)}
	events := []recovery.Event{
		{Kind: recovery.AlarmFound, Process: "nginx", IDs: []int64{17}, Breaker: closed},
		{Kind: recovery.RecoveryStarted, Process: "nginx", IDs: []int64{17}, Target: unit("nginx"), Attempts: 2, Breaker: closed},
		{Kind: recovery.Restarted, Process: "nginx", IDs: []int64{17}, Target: unit("nginx"), Attempt: 1, Attempts: 2, Took: 112 * time.Millisecond, Breaker: closed},
		{Kind: recovery.HealthPassed, Process: "nginx", IDs: []int64{17}, Target: unit("nginx"), Attempt: 1, Attempts: 2, Took: time.Second, Breaker: closed},
		{Kind: recovery.RecoverySucceeded, Process: "nginx", IDs: []int64{17}, Target: unit("nginx"), Attempt: 1, Attempts: 2, Took: 1120 * time.Millisecond, Breaker: closed},
		{Kind: recovery.Cleared, Process: "nginx", IDs: []int64{17}, Target: unit("nginx"), Took: 3 * time.Millisecond, Breaker: closed},
		{Kind: recovery.NotActing, Process: "x; reboot", IDs: []int64{18}, Reason: recovery.ReasonUnsafeName, Breaker: closed},
		{Kind: recovery.AttemptFailed, Process: "batch", IDs: []int64{19}, Target: unit("batch"), Attempt: 2, Attempts: 2, Reason: recovery.ReasonHealthCheck, Err: failed, Took: 5 * time.Second, Breaker: breaker.Snapshot{State: breaker.Closed, Failures: 2}},
		{Kind: recovery.RecoveryFailed, Process: "batch", IDs: []int64{19}, Target: unit("batch"), Attempt: 2, Attempts: 2, Reason: recovery.ReasonHealthCheck, Err: failed, Took: 12 * time.Second, Breaker: breaker.Snapshot{State: breaker.Closed, Failures: 2}},
		{Kind: recovery.BreakerOpened, Process: "batch", IDs: []int64{19}, Target: unit("batch"), Reason: recovery.ReasonHealthCheck, Breaker: open},
		{Kind: recovery.DatabaseLost, Err: errors.New("cannot read the alarms: the server does not answer")},
		{Kind: recovery.DatabaseBack, Took: 95 * time.Second},
	}
	for i, ev := range events {
		ev.At = at.Add(time.Duration(i) * time.Second)
		write(ev)
	}
	if err := logs.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("```\n%s```", out.String())
}
