package logging

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/testenv"
)

// parsed is a line of text taken apart again.
type parsed struct {
	time, level, message string
	fields               []field
}

func (p parsed) value(key string) string {
	for _, f := range p.fields {
		if f.key == key {
			return f.value
		}
	}
	return ""
}

// parseLine reads a line of text by what the package's comment says and by
// nothing else.
func parseLine(line string) (parsed, error) {
	var p parsed
	rest := line
	if line[0] >= '0' && line[0] <= '9' { // a record without a time has none
		p.time, rest, _ = strings.Cut(line, " - ")
	}
	var ok bool
	if p.level, rest, ok = strings.Cut(rest, " - "); !ok {
		return p, fmt.Errorf("no level in %q", line)
	}
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return p, fmt.Errorf("message of %q: %w", line, err)
		}
		p.message, _ = strconv.Unquote(quoted)
		rest = rest[len(quoted):]
	} else {
		end := len(rest)
		if i := strings.IndexByte(rest, '='); i >= 0 {
			end = strings.LastIndexByte(rest[:i], ' ')
		}
		if end < 0 {
			return p, fmt.Errorf("no message in %q", line)
		}
		p.message, rest = rest[:end], rest[end:]
	}
	for rest != "" {
		key, value, ok := strings.Cut(strings.TrimPrefix(rest, " "), "=")
		if !ok {
			return p, fmt.Errorf("no attribute in %q", rest)
		}
		if strings.HasPrefix(value, `"`) {
			quoted, err := strconv.QuotedPrefix(value)
			if err != nil {
				return p, fmt.Errorf("value in %q: %w", rest, err)
			}
			rest = value[len(quoted):]
			value, _ = strconv.Unquote(quoted)
		} else if i := strings.IndexByte(value, ' '); i >= 0 {
			value, rest = value[:i], value[i:]
		} else {
			rest = ""
		}
		p.fields = append(p.fields, field{key, value})
	}
	return p, nil
}

func parseLines(t testing.TB, text string) []parsed {
	t.Helper()
	var all []parsed
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			t.Fatalf("half a line: %q", line)
		}
		p, err := parseLine(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// safeBuffer is a console.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// count says how many lines of the console have the message.
func (s *safeBuffer) count(t testing.TB, message string) int {
	n := 0
	for _, line := range parseLines(t, s.String()) {
		if line.message == message {
			n++
		}
	}
	return n
}

func settings(path string) config.Logging {
	return config.Logging{File: path, MaxSize: 1 << 20, FilesToKeep: 3, Level: config.LevelInfo, Format: config.FormatText}
}

func open(t testing.TB, cfg config.Logging) (*Logs, *safeBuffer) {
	t.Helper()
	console := &safeBuffer{}
	l, err := New(cfg, Console(console))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return lineByLine(l), console
}

// lineByLine makes every line of l be written before the next one, for tests
// that look at what a line did.
func lineByLine(l *Logs) *Logs {
	settle(l)
	l.logger = slog.New(settling{l.logger.Handler(), l})
	return l
}

// settle waits until all is written, and all is said that this has caused in
// the other log.
func settle(l *Logs) {
	for range 3 {
		l.file.flush(context.Background())
		l.console.flush(context.Background())
	}
}

type settling struct {
	slog.Handler
	logs *Logs
}

func (h settling) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	settle(h.logs) //nolint:contextcheck // however long it takes, whatever ends
	return err
}

func (h settling) WithAttrs(attrs []slog.Attr) slog.Handler {
	return settling{h.Handler.WithAttrs(attrs), h.logs}
}

func (h settling) WithGroup(name string) slog.Handler {
	return settling{h.Handler.WithGroup(name), h.logs}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func rotated(t testing.TB, path string) []string {
	t.Helper()
	ext := filepath.Ext(path)
	found, err := filepath.Glob(strings.TrimSuffix(path, ext) + "-*" + ext + "*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// inPrivateMounts runs the calling test again in a mount namespace of its own,
// and returns true there: what is mounted in it, nobody else sees.
func inPrivateMounts(t *testing.T) bool {
	t.Helper()
	const mark = "LOGGING_TEST_IN_PRIVATE_MOUNTS"
	if os.Getenv(mark) != "" {
		return true
	}
	testenv.NeedRoot(t, "only it can mount")
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	t.Logf("in private mounts:\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func mountTmpfs(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

func remount(t *testing.T, dir string, readOnly bool) {
	t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	if readOnly {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, ""); err != nil {
		t.Fatal(err)
	}
}

// dropRoot makes the process an ordinary user's, who cannot write where a
// directory does not allow it. There is no way back.
func dropRoot() error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(65534); err != nil {
		return err
	}
	return syscall.Setuid(65534)
}
