package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"monitor_service/internal/config"
)

func TestTheTextHandlerKeepsSlogsRules(t *testing.T) {
	var line string
	slogtest.Run(t, func(*testing.T) slog.Handler {
		return &flatHandler{level: slog.LevelInfo, write: func(e entry) { line = string(appendLine(nil, e)) }}
	}, func(t *testing.T) map[string]any {
		p := parseLines(t, line)[0]
		m := map[string]any{slog.LevelKey: p.level, slog.MessageKey: p.message}
		if p.time != "" {
			m[slog.TimeKey] = p.time
		}
		for _, f := range p.fields {
			nest(m, strings.Split(f.key, "."), f.value)
		}
		return m
	})
}

func TestTheJSONHandlerKeepsSlogsRules(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: jsonAttr})
	}, func(t *testing.T) map[string]any {
		return decode(t, escapeJSON(b.Bytes()))
	})
}

func TestTheJournalHandlerKeepsSlogsRules(t *testing.T) {
	var fields []field
	slogtest.Run(t, func(*testing.T) slog.Handler {
		return &flatHandler{level: slog.LevelInfo, write: func(e entry) { fields = parseEntry(t, journalEntry(e)) }}
	}, func(t *testing.T) map[string]any {
		m := map[string]any{slog.LevelKey: only(fields, "PRIORITY"), slog.MessageKey: strings.Split(only(fields, "MESSAGE"), " ")[0]}
		if !strings.HasSuffix(t.Name(), "/zero-time") {
			m[slog.TimeKey] = "the journal's own"
		}
		for _, f := range fields {
			if key, ok := strings.CutPrefix(f.key, fieldPrefix); ok {
				nest(m, journalKey(key), f.value)
			}
		}
		return m
	})
}

// journalKey finds the groups of slogtest, G and H, in a field's name.
func journalKey(name string) []string {
	parts := strings.Split(name, "_")
	for i, part := range parts {
		if part != "G" && part != "H" {
			parts[i] = strings.ToLower(part)
		}
	}
	return parts
}

func nest(m map[string]any, path []string, value string) {
	for _, group := range path[:len(path)-1] {
		inner, ok := m[group].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[group] = inner
		}
		m = inner
	}
	m[path[len(path)-1]] = value
}

func decode(t testing.TB, line []byte) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	return m
}

func TestAJSONLineIsOneObjectThatHasTheHostileValueUnchanged(t *testing.T) {
	path := t.TempDir() + "/x.log"
	cfg := settings(path)
	cfg.Format = config.FormatJSON
	l, _ := open(t, cfg)
	for _, value := range hostile {
		l.Logger().Warn("Alarm found", "process", value, "took", 1200*time.Millisecond, "error", errors.New(value))
	}
	lines := strings.Split(strings.TrimSuffix(read(t, path), "\n"), "\n")
	if len(lines) != len(hostile) {
		t.Fatalf("%d lines for %d records", len(lines), len(hostile))
	}
	for i, line := range lines {
		if !plain(strings.NewReplacer(" ", "_", "=", "_", `"`, "_").Replace(line)) {
			t.Errorf("unprintable: %q", line)
		}
		m := decode(t, []byte(line))
		if _, err := time.Parse(time.RFC3339, m["time"].(string)); err != nil {
			t.Error(err)
		}
		want := string([]rune(hostile[i])) // U+FFFD for each byte that is no UTF-8
		if m["level"] != "WARNING" || m["msg"] != "Alarm found" || m["process"] != want || m["error"] != want || m["took"] != "1.2s" {
			t.Errorf("%q became %q", hostile[i], m)
		}
	}
}

func TestNoValueIsWithoutBound(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, format := range []config.Format{config.FormatText, config.FormatJSON} {
		path := t.TempDir() + "/x.log"
		cfg := settings(path)
		cfg.Format, cfg.MaxSize = format, 1<<30
		l, console := open(t, cfg)
		l.Logger().Info(long, "process", long, "error", errors.New(long), "any", []string{long})
		if n := len(read(t, path)); n > 5*maxValue {
			t.Errorf("%d bytes in the file", n)
		}
		if n := len(console.String()); n > 5*maxValue {
			t.Errorf("%d bytes on the console", n)
		}
	}
}

func TestASecretStaysOneInEveryFormat(t *testing.T) {
	for _, format := range []config.Format{config.FormatText, config.FormatJSON} {
		path := t.TempDir() + "/x.log"
		cfg := settings(path)
		cfg.Format = format
		l, console := open(t, cfg)
		l.Logger().Info("Connected", "password", config.NewSecret("canary"), "database", config.Database{Password: config.NewSecret("canary")})
		if all := read(t, path) + console.String(); strings.Contains(all, "canary") {
			t.Error(all)
		}
	}
}
