package logging

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/config"
)

// parseEntry reads the native protocol as the journal does.
func parseEntry(t testing.TB, b []byte) []field {
	t.Helper()
	var fields []field
	for len(b) > 0 {
		end := strings.IndexByte(string(b), '\n')
		if end < 0 {
			t.Fatalf("no line end in %q", b)
		}
		if key, value, ok := strings.Cut(string(b[:end]), "="); ok {
			fields, b = append(fields, field{key, value}), b[end+1:]
			continue
		}
		key, size := string(b[:end]), binary.LittleEndian.Uint64(b[end+1:])
		b = b[end+1+8:]
		fields = append(fields, field{key, string(b[:size])})
		if b[size] != '\n' {
			t.Fatalf("value of %q does not end where it should", key)
		}
		b = b[size+1:]
	}
	return fields
}

func only(fields []field, key string) string {
	value, n := "", 0
	for _, f := range fields {
		if f.key == key {
			value, n = f.value, n+1
		}
	}
	if n != 1 {
		return ""
	}
	return value
}

// toJournal opens a log whose entries end up in the slice.
func toJournal(t *testing.T, cfg config.Logging) (*Logs, *[][]field) {
	t.Helper()
	var entries [][]field
	l, err := New(cfg, func(l *Logs) {
		l.journalConsole(func(b []byte) error {
			entries = append(entries, parseEntry(t, b))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return lineByLine(l), &entries
}

func TestAnEntryIsReadableAndEveryAttributeIsAField(t *testing.T) {
	l, entries := toJournal(t, config.Logging{Level: config.LevelDebug})
	l.Logger().Info("Process recovered", "event", "recovery_succeeded", "process", "nginx", "unit", "nginx.service", "took", 1200*time.Millisecond)
	l.Logger().With("a-b", 1).WithGroup("g").Error("Recovery failed", "error", errors.New("exit status 1\nlast line"))
	first, second := (*entries)[0], (*entries)[1]
	for key, want := range map[string]string{
		"MESSAGE": "Process recovered process=nginx unit=nginx.service took=1.2s", "PRIORITY": "6",
		"SYSLOG_IDENTIFIER": "monitor_service", "SYSLOG_FACILITY": "3",
		"MONITOR_EVENT": "recovery_succeeded", "MONITOR_PROCESS": "nginx", "MONITOR_UNIT": "nginx.service", "MONITOR_TOOK": "1.2s",
	} {
		if got := only(first, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for key, want := range map[string]string{
		"MESSAGE": `Recovery failed a-b=1 g.error="exit status 1\nlast line"`, "PRIORITY": "3",
		"MONITOR_A_B": "1", "MONITOR_G_ERROR": "exit status 1\nlast line",
	} {
		if got := only(second, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestPrioritiesAreSyslogs(t *testing.T) {
	l, entries := toJournal(t, config.Logging{Level: config.LevelDebug})
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "7", slog.LevelInfo: "6", slog.LevelInfo + 1: "6", slog.LevelWarn: "4", slog.LevelError: "3", slog.LevelError + 4: "3",
	} {
		*entries = nil
		l.Logger().Log(t.Context(), level, "x")
		if got := only((*entries)[0], "PRIORITY"); got != want {
			t.Errorf("%v has priority %q, want %q", level, got, want)
		}
	}
}

func TestNoHostileValueForgesAField(t *testing.T) {
	l, entries := toJournal(t, config.Logging{Level: config.LevelInfo})
	name := regexp.MustCompile(`\A[A-Z][A-Z0-9_]{0,63}\z`)
	for _, value := range hostile {
		*entries = nil
		l.Logger().Info("Alarm found", "process", value, value, "x")
		e := (*entries)[0]
		if len(e) != 6 {
			t.Errorf("%q: %d fields: %q", value, len(e), e)
		}
		for _, f := range e {
			if !name.MatchString(f.key) {
				t.Errorf("%q: the journal would refuse the field %q", value, f.key)
			}
		}
		if e[4] != (field{"MONITOR_PROCESS", value}) || only(e, "PRIORITY") != "6" {
			t.Errorf("%q became %q", value, e)
		}
		if message := only(e, "MESSAGE"); !plain(strings.NewReplacer(" ", "_", "=", "_", `"`, "_").Replace(message)) {
			t.Errorf("unprintable message %q", message)
		}
	}
}

func TestAnEntryFitsIntoOneDatagram(t *testing.T) {
	e := entry{message: strings.Repeat("\x00", maxValue)}
	for range 1000 {
		e.fields = append(e.fields, field{"key", strings.Repeat("\x00", maxValue)})
	}
	if n := len(journalEntry(e)); n > 2*maxEntry {
		t.Errorf("%d bytes", n)
	}
}

func listenAsJournal(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestAJournalWhoseSocketIsMadeAnewLosesNoEntry(t *testing.T) {
	path := t.TempDir() + "/socket"
	first := listenAsJournal(t, path)
	j := &journalSocket{path: path}
	if err := j.write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := listenAsJournal(t, path)
	if err := j.write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if n, err := second.Read(b); err != nil || string(b[:n]) != "two" {
		t.Errorf("got %q, %v", b[:n], err)
	}
}

func TestAJournalThatDoesNotReadHoldsNobodyUpForLong(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/x.log"
	stuck := listenAsJournal(t, dir+"/socket")
	j := &journalSocket{path: dir + "/socket"}
	l, err := New(settings(path), func(l *Logs) { l.journalConsole(j.write) })
	if err != nil {
		t.Fatal(err)
	}
	const lines = 2000 // more than any queue of the kernel's holds
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range lines {
			l.Logger().Info("Alarm found")
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("logging hangs")
	}
	settle(l)
	file := read(t, path)
	if n := strings.Count(file, " - Alarm found\n"); n != lines {
		t.Errorf("%d of %d lines in the file", n, lines)
	}
	if n := strings.Count(file, " - Journal cannot be written, will retry "); n != 1 {
		t.Errorf("said %d times", n)
	}
	if l.console.unwritten() == 0 {
		t.Error("nothing is counted as lost")
	}
	stuck.Close()
}

func TestStderrThatIsNoJournalGetsText(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "1:1")
	l, err := New(config.Logging{Level: config.LevelInfo})
	if err != nil {
		t.Fatal(err)
	}
	if l.consoleName != "Stderr" {
		t.Errorf("the console is %s", l.consoleName)
	}
}
