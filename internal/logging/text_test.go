package logging

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	table "monitor_service/internal/testenv/hostile"
)

// hostile are values that try to be something else than a value: what means
// something in a line of the log, and the table that all tests share.
var hostile = append([]string{
	"", " ", "=", `"`, `\`, `\"`, "'", "a b", "a=b", `a"b`, "a\nb", "a\r\nb", "\x00", "\x1b[2J", "\x7f", "\u009b2J", "\u0085",
	"nginx\n2026-11-23 02:49:46 - ERROR - forged process=sshd", `nginx" reason="none`, "nginx process=sshd",
	"\u202egnp.exe", "\u200b", "\u2028", "\u2029", "\ufeff", "\u00a0", "\xff\xfe", "a\xc3", "ț日本語", "😀", "\U000e0001",
	"%s%n%d", "$(reboot)", "`id`", "; rm -rf /", "../../etc/passwd", "-.mount", "reboot.target", `C:\n`, strings.Repeat("é", 255),
	" - ERROR - x", "\n", "\nPRIORITY=0", "x\nMONITOR_PROCESS=sshd", "<0>", "\t",
}, shared()...)

func shared() []string {
	var values []string
	for _, h := range table.Texts() {
		values = append(values, h.Text)
	}
	return values
}

func TestATextLineIsAsTheContractSays(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 49, 46, 0, time.Local)
	for _, c := range []struct {
		e    entry
		want string
	}{
		{
			entry{at, slog.LevelInfo, "Process recovered", []field{{"process", "nginx"}, {"took", "1.2s"}}},
			"2026-11-23 02:49:46 - INFO - Process recovered process=nginx took=1.2s\n",
		},
		{
			entry{at, slog.LevelWarn, "Attempt failed", []field{{"error", "exit status 1\nno such file"}}},
			"2026-11-23 02:49:46 - WARNING - Attempt failed error=\"exit status 1\\nno such file\"\n",
		},
		{entry{at, slog.LevelError, "a=b", nil}, "2026-11-23 02:49:46 - ERROR - \"a=b\"\n"},
		{entry{at, slog.LevelDebug, "Polled", []field{{"a b", ""}}}, "2026-11-23 02:49:46 - DEBUG - Polled a_b=\"\"\n"},
	} {
		if got := string(appendLine(nil, c.e)); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestEveryHostileValueComesBackAsOneValueOfOneLine(t *testing.T) {
	for _, value := range hostile {
		checkRoundTrip(t, entry{level: slog.LevelInfo, message: "Alarm found", fields: []field{{"process", value}, {"last", "x"}}})
		checkRoundTrip(t, entry{level: slog.LevelInfo, message: value, fields: []field{{"process", value}}})
		checkRoundTrip(t, entry{level: slog.LevelInfo, message: value})
	}
}

func TestRandomRecordsGiveExactlyAsManyLinesAndComeBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	text := func() string {
		var b strings.Builder
		for range random.IntN(6) {
			switch random.IntN(3) {
			case 0:
				b.WriteString(hostile[random.IntN(len(hostile))])
			case 1:
				b.WriteByte(byte(random.UintN(256)))
			case 2:
				b.WriteRune(rune(random.UintN(unicode.MaxRune)))
			}
		}
		return b.String()
	}
	var lines []byte
	var want []parsed
	for range 2000 {
		e := entry{at: time.Now(), level: slog.LevelInfo, message: text()}
		for i := range random.IntN(4) {
			e.fields = append(e.fields, field{fmt.Sprintf("key%d", i), text()})
		}
		lines = appendLine(lines, e)
		want = append(want, parsed{e.at.Format(textTime), "INFO", e.message, e.fields})
	}
	got := parseLines(t, string(lines))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(parsed{}, field{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzTextLine(f *testing.F) {
	for _, value := range hostile {
		f.Add(value, "process", value)
	}
	f.Fuzz(func(t *testing.T, message, key, value string) {
		line := string(appendLine(nil, entry{level: slog.LevelInfo, message: message, fields: []field{{key, value}}}))
		if n := strings.Count(line, "\n"); n != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%d line ends in %q", n, line)
		}
		checkRoundTrip(t, entry{level: slog.LevelInfo, message: message, fields: []field{{"process", value}}})
	})
}

func checkRoundTrip(t *testing.T, e entry) {
	t.Helper()
	line := string(appendLine(nil, e))
	for _, r := range strings.TrimSuffix(line, "\n") {
		if !unicode.IsPrint(r) {
			t.Errorf("unprintable %U in %q", r, line)
		}
	}
	got := parseLines(t, line)
	want := []parsed{{level: levelName(e.level), message: e.message, fields: e.fields}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(parsed{}, field{})); diff != "" {
		t.Errorf("%q: %s", line, diff)
	}
}

func TestDurationsAndTimesAreForPeople(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 49, 46, 123456789, time.Local)
	for _, c := range []struct {
		value any
		want  string
	}{
		{1234567 * time.Microsecond, "1.235s"},
		{1200 * time.Millisecond, "1.2s"},
		{123456 * time.Millisecond, "2m3s"},
		{15 * time.Microsecond, "15µs"},
		{at, at.Format(time.RFC3339)},
		{true, "true"},
		{int64(7), "7"},
		{error(nil), "<nil>"},
		{panics{}, "%!v(PANIC=Error method: no)"},
	} {
		if got := valueText(slog.AnyValue(c.value)); got != c.want {
			t.Errorf("%v: got %q, want %q", c.value, got, c.want)
		}
	}
}

type panics struct{}

func (panics) Error() string { panic("no") }

func TestALongTextKeepsItsBothEnds(t *testing.T) {
	long := "cannot restart: " + strings.Repeat("ț", 9000) + " last words"
	got := bound(long, maxError)
	if len(got) > maxError+40 || !strings.HasPrefix(got, "cannot restart: ț") || !strings.HasSuffix(got, "ț last words") {
		t.Errorf("%d bytes: %q … %q", len(got), got[:20], got[len(got)-20:])
	}
	if !strings.Contains(got, "bytes left out") || strings.ContainsRune(got, '\ufffd') {
		t.Error("cut inside a character, or without saying so")
	}
	if binary := strings.Repeat("\x80", 9000); len(bound(binary, maxError)) > maxError+40 {
		t.Error("text that is not UTF-8 is not bounded")
	}
	if got := bound("short", maxError); got != "short" {
		t.Errorf("got %q", got)
	}
}
