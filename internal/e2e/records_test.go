//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"monitor_service/internal/logging"
	"monitor_service/internal/testenv/host"
	"monitor_service/internal/testenv/hostile"
)

// logFormat is [logging] format.
type logFormat string

const (
	textLog logFormat = "text"
	jsonLog logFormat = "json"
)

// wantNoShell looks for what a shell would have made.
func (b *bed) wantNoShell(t *testing.T) {
	t.Helper()
	if found := b.Must(t, "find", "/", "-xdev", "-name", hostile.Pattern); found != "" {
		t.Errorf("a text was run by a shell, which made %s", found)
	}
}

// wantJobsOf holds that systemd did nothing for any unit but the daemon's, what
// that wants, and those that match one of the patterns, by the journal of PID 1.
func (b *bed) wantJobsOf(t *testing.T, patterns ...string) {
	t.Helper()
	seen := map[string]bool{daemonUnit: true, "network-online.target": true}
	for _, e := range b.journalSince(t, "_PID=1") {
		unit, ok := e["UNIT"].(string)
		if !ok || seen[unit] || e["MESSAGE_ID"] == nil && e["JOB_ID"] == nil {
			continue
		}
		seen[unit] = true
		if !slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, unit); return ok }) {
			t.Errorf("systemd was at %q: %v", unit, e["MESSAGE"])
		}
	}
	if len(seen) == 2 {
		t.Error("systemd did nothing at all: nothing was looked at")
	}
}

// record is one event as it was recorded.
type record struct{ event, process string }

// wantRecordsOfData holds that the daemon's journal has no field and the log no
// line but those of the events, and that what was data is data in them.
func (b *bed) wantRecordsOfData(t *testing.T, format logFormat) {
	t.Helper()
	inJournal := b.wantJournalOfData(t)
	parse := textRecord
	if format == jsonLog {
		parse = jsonRecord
		as := map[record]int{}
		for r, n := range inJournal {
			// In JSON each byte that is no UTF-8 is one U+FFFD.
			as[record{r.event, string([]rune(r.process))}] += n
		}
		inJournal = as
	}
	var inLog map[record]int
	b.Eventually(t, "the log has as many lines as the journal has entries", host.Limit, func() bool {
		inLog = map[record]int{}
		for line := range strings.Lines(b.Get(t, logPath)) {
			r, err := parse(strings.TrimSuffix(line, "\n"))
			if err != nil {
				t.Fatal(err)
			}
			inLog[r]++
		}
		return sum(inLog) >= sum(inJournal)
	})
	if !maps.Equal(inLog, inJournal) {
		for r := range inLog {
			if inLog[r] != inJournal[r] {
				t.Errorf("%s of %q is %d times in the log, %d times in the journal", r.event, r.process, inLog[r], inJournal[r])
			}
		}
		t.Errorf("the log has %d lines, the journal %d entries", sum(inLog), sum(inJournal))
	}
}

func sum(counts map[record]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// wantJournalOfData looks at every entry of the daemon: each field is known and
// there once, and says of the event what the event's kind says.
func (b *bed) wantJournalOfData(t *testing.T) map[record]int {
	t.Helper()
	known := map[string]bool{
		"MESSAGE": true, "PRIORITY": true, "SYSLOG_IDENTIFIER": true, "SYSLOG_FACILITY": true, "MESSAGE_ID": true,
	}
	for _, w := range logging.Vocabulary() {
		known[w.Field] = true
	}
	kinds := map[string]logging.Message{}
	for _, m := range logging.Messages() {
		kinds[m.Event+" "+m.Reason] = m
	}
	// The lines of its own life, and those that are no events, have fields of
	// their own, and nothing from the database.
	own := map[string]bool{"": true}
	for _, m := range logging.LifeMessages() {
		kinds[m.Event+" "] = m
		own[m.Event] = true
	}
	priorities := map[string]string{"DEBUG": "7", "INFO": "6", "WARNING": "4", "ERROR": "3"}
	records := map[record]int{}
	for _, e := range b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "SYSLOG_IDENTIFIER=monitor_service") {
		event := ""
		if e["MONITOR_EVENT"] != nil {
			event = fieldOf(t, e, "MONITOR_EVENT")
		}
		r := record{event: event}
		if e["MONITOR_PROCESS"] != nil {
			r.process = fieldOf(t, e, "MONITOR_PROCESS")
		}
		records[r]++
		for field := range e {
			if !strings.HasPrefix(field, "_") && !known[field] && (!own[event] || !strings.HasPrefix(field, "MONITOR_")) {
				t.Errorf("%s of %q has the field %s=%v", event, r.process, field, e[field])
			}
			fieldOf(t, e, field)
		}
		if event == "" {
			continue
		}
		kind, ok := kinds[event+" "]
		if reason, _ := e["MONITOR_REASON"].(string); !ok {
			kind, ok = kinds[event+" "+reason]
		}
		message := fieldOf(t, e, "MESSAGE")
		if !ok || e["MESSAGE_ID"] != kind.ID || e["PRIORITY"] != priorities[kind.Level] || !strings.HasPrefix(message, kind.Text) ||
			!isPrintable(message) || strings.Contains(message, "\n") {
			t.Errorf("%s of %q is the entry %v", event, r.process, e)
		}
	}
	return records
}

// fieldOf is a field's value as it was sent, see "Journal JSON Format": a value
// that is no text is an array of its bytes, a field that is there twice an
// array of values.
func fieldOf(t *testing.T, entry map[string]any, field string) string {
	t.Helper()
	switch v := entry[field].(type) {
	case string:
		return v
	case []any:
		var text []byte
		for _, one := range v {
			number, ok := one.(float64)
			if !ok {
				t.Fatalf("the field %s is there %d times: %v", field, len(v), v)
			}
			text = append(text, byte(number))
		}
		return string(text)
	}
	t.Fatalf("the field %s is %v", field, entry[field])
	return ""
}

// textLine is a line of the log file as the README has it.
var (
	textLine  = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (?:DEBUG|INFO|WARNING|ERROR) - ([^="]+?)((?: [a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^ ="]+))*)$`)
	attribute = regexp.MustCompile(` ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ ="]+)`)
)

func textRecord(line string) (r record, err error) {
	parts := textLine.FindStringSubmatch(line)
	if parts == nil || !isPrintable(line) {
		return r, fmt.Errorf("the line %q is not as it should be", line)
	}
	for _, a := range attribute.FindAllStringSubmatch(parts[2], -1) {
		value := a[2]
		if strings.HasPrefix(value, `"`) {
			if value, err = strconv.Unquote(value); err != nil {
				return r, fmt.Errorf("%q in %q: %w", a[2], line, err)
			}
		}
		if err := r.set(a[1], value); err != nil {
			return r, fmt.Errorf("%q: %w", line, err)
		}
	}
	return r, nil
}

func jsonRecord(line string) (r record, err error) {
	if !isPrintable(line) {
		return r, fmt.Errorf("the line %q has characters that are not printable", line)
	}
	decoder := json.NewDecoder(strings.NewReader(line))
	// By tokens, since a key that is there twice would be lost in a map.
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return r, fmt.Errorf("the line %q is no object: %w", line, err)
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return r, fmt.Errorf("%q: %w", line, err)
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return r, fmt.Errorf("%q: %w", line, err)
		}
		if err := r.set(fmt.Sprint(key), fmt.Sprint(value)); err != nil {
			return r, fmt.Errorf("%q: %w", line, err)
		}
	}
	if decoder.InputOffset() != int64(len(line)-1) {
		return r, fmt.Errorf("there is more than an object in %q", line)
	}
	return r, nil
}

func (r *record) set(key, value string) error {
	for name, into := range map[string]*string{"event": &r.event, "process": &r.process} {
		if key != name {
			continue
		}
		if *into != "" {
			return fmt.Errorf("%s is there twice", key)
		}
		*into = value
	}
	return nil
}

// colours are what the program itself sends to a terminal.
var colours = strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\r\n", "\n")

// wantClean holds that nothing of what reached a terminal made it do anything
// but show characters, begin lines and colour them.
func (b *bed) wantClean(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(colours.Replace(out)) {
		if !isPrintable(strings.TrimSuffix(line, "\n")) {
			t.Errorf("a terminal was sent %q", line)
		}
	}
}

func isPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) })
}
