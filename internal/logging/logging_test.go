package logging

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"monitor_service/internal/config"
)

func TestALineGoesToTheFileAndToTheConsole(t *testing.T) {
	path := t.TempDir() + "/x.log"
	l, console := open(t, settings(path))
	l.Logger().With("process", "nginx").Info("Alarm found", "ids", 7)
	l.Logger().Debug("Not this")
	for _, text := range []string{read(t, path), console.String()} {
		lines := parseLines(t, text)
		if len(lines) != 1 || lines[0].message != "Alarm found" || lines[0].value("process") != "nginx" || lines[0].value("ids") != "7" {
			t.Errorf("%q", text)
		}
	}
}

func TestEveryRecordOfEveryGoroutineIsOneLine(t *testing.T) {
	path := t.TempDir() + "/x.log"
	cfg := settings(path)
	cfg.MaxSize, cfg.FilesToKeep = 10<<10, 1000
	console := &safeBuffer{}
	l, err := New(cfg, Console(console))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 250 {
				l.Logger().Info("Alarm found", "process", hostile[(g*250+i)%len(hostile)], "id", fmt.Sprintf("%d/%d", g, i))
			}
		})
	}
	for range 20 {
		for _, level := range []config.Level{config.LevelInfo, config.LevelDebug} {
			cfg.Level = level
			if err := l.Reconfigure(cfg); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	all := read(t, path)
	for _, old := range rotated(t, path) {
		text := read(t, old)
		if len(text) > 10<<10 {
			t.Errorf("%s has %d bytes", old, len(text))
		}
		all += text
	}
	for _, text := range []string{all, console.String()} {
		seen := map[string]bool{}
		for _, line := range parseLines(t, text) {
			seen[line.value("id")] = true
		}
		if n := strings.Count(text, "\n"); n != 2000 || len(seen) != 2000 {
			t.Errorf("%d lines, %d of them different, of 2000 records", n, len(seen))
		}
	}
}

func TestReconfigureChangesLevelFormatAndFileForLoggersThatExist(t *testing.T) {
	dir := t.TempDir()
	cfg := settings(dir + "/a.log")
	l, _ := open(t, cfg)
	logger := l.Logger().With("process", "nginx").WithGroup("g")
	logger.Info("One", "k", "v")
	cfg.Level, cfg.Format = config.LevelDebug, config.FormatJSON
	if err := l.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	logger.Debug("Two", "k", "v")
	cfg.File, cfg.Format = dir+"/b.log", config.FormatText
	if err := l.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	logger.Debug("Three", "k", "v")

	lines := strings.Split(read(t, dir+"/a.log"), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], " - INFO - One process=nginx g.k=v") {
		t.Fatalf("%q", lines)
	}
	if m := decode(t, []byte(lines[1])); m["msg"] != "Two" || m["level"] != "DEBUG" || m["process"] != "nginx" || fmt.Sprint(m["g"]) != "map[k:v]" {
		t.Errorf("%v", m)
	}
	if text := read(t, dir+"/b.log"); !strings.HasSuffix(text, " - DEBUG - Three process=nginx g.k=v\n") {
		t.Errorf("%q", text)
	}
}

func TestAReconfigureThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	cfg := settings(dir + "/a.log")
	l, console := open(t, cfg)
	for _, change := range []func(*config.Logging){
		func(c *config.Logging) { c.File = dir + "/no/such/directory/b.log" },
		func(c *config.Logging) { c.File = dir },
		func(c *config.Logging) { c.Level = config.LevelUnknown },
		func(c *config.Logging) { c.Format = config.FormatUnknown },
		func(c *config.Logging) { c.MaxSize = 0 },
	} {
		bad := cfg
		bad.Level, bad.Format = config.LevelDebug, config.FormatJSON
		change(&bad)
		if err := l.Reconfigure(bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	l.Logger().Debug("Not this")
	l.Logger().Info("One")
	if lines := parseLines(t, read(t, cfg.File)); len(lines) != 1 || lines[0].message != "One" {
		t.Errorf("%q", lines)
	}
	if n := len(parseLines(t, console.String())); n != 1 {
		t.Error(console.String())
	}
}

func TestWithoutAFileNoneIsMade(t *testing.T) {
	t.Chdir(t.TempDir())
	l, console := open(t, config.Logging{Level: config.LevelInfo})
	l.Logger().Info("One")
	if entries, _ := os.ReadDir("."); len(entries) != 0 || console.count(t, "One") != 1 {
		t.Errorf("%v %q", entries, console.String())
	}
}

func TestAfterCloseLinesGoToTheConsoleAlone(t *testing.T) {
	path := t.TempDir() + "/x.log"
	l, console := open(t, settings(path))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("One")
	if text := read(t, path); text != "" || console.count(t, "One") != 1 {
		t.Errorf("%q, %q", text, console.String())
	}
}
