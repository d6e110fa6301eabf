package logging

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/config"
)

// eventually waits for what lumberjack does in a goroutine of its own.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

// writeLines writes numbered lines of exactly size bytes.
func writeLines(t *testing.T, f *logFile, from, to, size int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := f.write(fmt.Appendf(nil, "%0*d\n", size-1, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func logFileAt(t *testing.T, cfg config.Logging) *logFile {
	t.Helper()
	f := newLogFile()
	if err := f.use(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.close() })
	return f
}

func TestTheFileIsRotatedBeforeTheLineThatWouldExceedItsSize(t *testing.T) {
	cfg := settings(t.TempDir() + "/x.log")
	cfg.MaxSize = 1000
	f := logFileAt(t, cfg)
	writeLines(t, f, 0, 10, 100)
	if found := rotated(t, cfg.File); len(found) != 0 {
		t.Fatalf("rotated at its exact size: %q", found)
	}
	writeLines(t, f, 10, 11, 100)
	found := rotated(t, cfg.File)
	if len(found) != 1 || len(read(t, found[0])) != 1000 || len(read(t, cfg.File)) != 100 {
		t.Errorf("%q, and %d bytes in the file", found, len(read(t, cfg.File)))
	}
}

func TestALineLongerThanAFileHasOneOfItsOwn(t *testing.T) {
	cfg := settings(t.TempDir() + "/x.log")
	cfg.MaxSize = 50
	f := logFileAt(t, cfg)
	writeLines(t, f, 0, 3, 100)
	if found := rotated(t, cfg.File); len(found) != 2 || len(read(t, cfg.File)) != 100 {
		t.Errorf("rotated: %q", found)
	}
}

func TestABigFileFromBeforeIsRotatedFirst(t *testing.T) {
	cfg := settings(t.TempDir() + "/x.log")
	cfg.MaxSize = 1000
	old := strings.Repeat("from before\n", 1000)
	if err := os.WriteFile(cfg.File, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	f := logFileAt(t, cfg)
	writeLines(t, f, 0, 1, 100)
	found := rotated(t, cfg.File)
	if len(found) != 1 || read(t, found[0]) != old || len(read(t, cfg.File)) != 100 {
		t.Errorf("rotated: %q", found)
	}
}

func TestRotationsWithinAMillisecondLoseNothing(t *testing.T) {
	cfg := settings(t.TempDir() + "/x.log")
	cfg.MaxSize, cfg.FilesToKeep = 100, 1000
	f := logFileAt(t, cfg)
	writeLines(t, f, 0, 200, 100)
	if found := rotated(t, cfg.File); len(found) != 199 {
		t.Errorf("%d files are left of 199", len(found))
	}
}

func TestExactlyAsManyFilesAreKeptAsConfigured(t *testing.T) {
	for _, compress := range []bool{false, true} {
		for _, keep := range []int{1, 3} {
			t.Run(fmt.Sprintf("keep=%d compress=%t", keep, compress), func(t *testing.T) {
				cfg := settings(t.TempDir() + "/x.log")
				cfg.MaxSize, cfg.FilesToKeep, cfg.Compress = 100, keep, compress
				f := logFileAt(t, cfg)
				// The last rotation is the first chance to remove
				// the file before it, so wait after each.
				for i := range 10 {
					writeLines(t, f, i, i+1, 100)
					eventually(t, fmt.Sprintf("%d files", min(i, keep)), func() bool {
						found := rotated(t, cfg.File)
						for _, path := range found {
							if compress != strings.HasSuffix(path, ".log.gz") {
								return false
							}
						}
						return len(found) == min(i, keep)
					})
				}
				newest := rotated(t, cfg.File)[keep-1]
				if want := fmt.Sprintf("%099d\n", 8); content(t, newest) != want {
					t.Errorf("%q has %q, want %q", newest, content(t, newest), want)
				}
			})
		}
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	if !strings.HasSuffix(path, ".gz") {
		return read(t, path)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestZeroFilesToKeepKeepsNone(t *testing.T) {
	cfg := settings(t.TempDir() + "/x.log")
	cfg.MaxSize = 100
	f := logFileAt(t, cfg)
	writeLines(t, f, 0, 3, 100)
	for _, other := range []string{"x-y.log", "x.log.1", "x-2026-11-23T02-49-46.123.txt"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(cfg.File), other), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.FilesToKeep, cfg.Compress = 0, true
	if err := f.use(cfg); err != nil {
		t.Fatal(err)
	}
	writeLines(t, f, 3, 20, 100)
	entries, err := os.ReadDir(filepath.Dir(cfg.File))
	if err != nil || len(entries) != 4 {
		t.Errorf("%v, %v", entries, err)
	}
	if want := fmt.Sprintf("%099d\n", 19); read(t, cfg.File) != want {
		t.Errorf("got %q", read(t, cfg.File))
	}
}

func TestTheModeIs0640FromTheFirstMomentAndForRotatedFiles(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	for _, compress := range []bool{false, true} {
		cfg := settings(t.TempDir() + "/new/x.log")
		cfg.MaxSize, cfg.Compress = 100, compress
		l, _ := open(t, cfg)
		if got := mode(t, cfg.File); got != 0o640 {
			t.Errorf("new: %v", got)
		}
		for range 3 {
			l.Logger().Info(strings.Repeat("x", 90))
		}
		eventually(t, "rotated and compressed", func() bool {
			found := rotated(t, cfg.File)
			for _, path := range found {
				if compress != strings.HasSuffix(path, ".gz") {
					return false
				}
			}
			return len(found) == 2
		})
		for _, path := range append(rotated(t, cfg.File), cfg.File) {
			if got := mode(t, path); got != 0o640 {
				t.Errorf("%s: %v", path, got)
			}
		}
	}
	cfg := settings(t.TempDir() + "/x.log")
	if err := os.WriteFile(cfg.File, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	open(t, cfg)
	if got := mode(t, cfg.File); got != 0o640 {
		t.Errorf("from before: %v", got)
	}
}

func TestAFileThatSomebodyMovesOrRemovesIsMadeAnew(t *testing.T) {
	path := t.TempDir() + "/dir/x.log"
	l, console := open(t, settings(path))
	l.Logger().Info("One")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("Two")
	if !strings.HasSuffix(read(t, path+".old"), "One\n") || !strings.HasSuffix(read(t, path), "Two\n") {
		t.Error("the lines are not where they belong")
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("Three")
	if !strings.HasSuffix(read(t, path), "Three\n") {
		t.Error("the directory is not made anew")
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("Four")
	if got := parseLines(t, read(t, path)); len(got) != 1 || got[0].message != "Four" {
		t.Errorf("after truncating: %q", got)
	}
	if n := len(parseLines(t, console.String())); n != 4 {
		t.Errorf("%d lines on the console", n)
	}
}

func TestHalfALineOfACrashIsNotGluedToTheNext(t *testing.T) {
	path := t.TempDir() + "/x.log"
	if err := os.WriteFile(path, []byte("half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, _ := open(t, settings(path))
	l.Logger().Info("One")
	if lines := strings.Split(read(t, path), "\n"); len(lines) != 3 || lines[0] != "half a li" {
		t.Errorf("%q", lines)
	}
}

func TestReloadsStartNoGoroutines(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, settings(dir+"/a.log"))
	reload := func() {
		for i, name := range []string{"/a.log", "/b.log", ""} {
			cfg := settings(dir + name)
			if name == "" {
				cfg.File = ""
			}
			cfg.MaxSize += int64(i)
			if err := l.Reconfigure(cfg); err != nil {
				t.Fatal(err)
			}
			l.Logger().Info("Reloaded")
		}
	}
	reload()
	settle(l)
	before := runtime.NumGoroutine()
	for range 100 {
		reload()
	}
	eventually(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}
