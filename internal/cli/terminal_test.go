package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monitor_service/internal/control"
)

// terminal opens a pseudo-terminal of some size.
func terminal(t *testing.T, columns, lines uint16) *os.File {
	t.Helper()
	_, slave := pty(t, columns, lines)
	return slave
}

// pty opens both ends of a pseudo-terminal (pty(7)).
func pty(t *testing.T, columns, lines uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestColoursAreForTerminalsAndThoseWhoWantThem(t *testing.T) {
	tty := terminal(t, 132, 50)
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		name    string
		screen  screen
		width   int
		colours bool
	}{
		{"terminal", newScreen(tty, []string{"TERM=xterm"}), 132, true},
		{"NO_COLOR", newScreen(tty, []string{"TERM=xterm", "NO_COLOR=1"}), 132, false},
		{"empty NO_COLOR", newScreen(tty, []string{"TERM=xterm", "NO_COLOR="}), 132, true},
		{"dumb terminal", newScreen(tty, []string{"TERM=dumb"}), 132, false},
		{"file", newScreen(file, []string{"TERM=xterm"}), 0, false},
		{"buffer", newScreen(&strings.Builder{}, []string{"TERM=xterm"}), 0, false},
		{"terminal of unknown size", newScreen(terminal(t, 0, 0), nil), 80, true},
	} {
		if c.screen.width != c.width || c.screen.color != c.colours {
			t.Errorf("%s: width %d, colours %t", c.name, c.screen.width, c.screen.color)
		}
		if painted := strings.Contains(c.screen.paint(red, "x"), "\x1b"); painted != c.colours {
			t.Errorf("%s: painted %t", c.name, painted)
		}
	}
}

func wideTable() *table {
	t := &table{columns: []column{{"NAME", 8}, {"STATE", 6}, {"WHAT IT SAID", 6}}}
	t.add(cell{"nginx", plainColor}, cell{"open", red}, cell{strings.Repeat("connection refused ", 5), plainColor})
	t.add(cell{"日本語のサービス", plainColor}, cell{"ok", green}, cell{"", plainColor})
	t.add(cell{"evil\x1b[2J\nname", plainColor}, cell{"ok", green}, cell{"fine", plainColor})
	return t
}

func TestWhatMustBeWholeIsNotCut(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 49, 46, 0, time.Local)
	st := control.Status{Now: at, Started: at, Processes: []control.Process{
		{
			Name: "batch", State: control.Open, InAlarm: true, AlarmSince: at.Add(-20 * time.Minute),
			Breaker: control.Breaker{State: "open", Failures: 3, MaxFailures: 3, OpenedAt: at, NextTrial: at.Add(15 * time.Minute)},
		},
		{Name: "x; reboot", State: control.LeftAlone, InAlarm: true, AlarmSince: at.Add(-time.Hour), Reason: "unsafe_name"},
	}}
	for _, columns := range []int{60, 80, 100, 132} {
		text := statusPage(screen{width: columns}, st, "").String()
		for _, part := range []string{"trial in 15m", "left_alone: unsafe_name", "20m", "1h0m"} {
			if !strings.Contains(text, part) {
				t.Errorf("%d columns: no %q in\n%s", columns, part, text)
			}
		}
	}
}

func TestATableNeverExceedsTheTerminal(t *testing.T) {
	for columns := 20; columns < 150; columns++ {
		out := wideTable().write(screen{width: columns})
		for line := range strings.Lines(out) {
			line = strings.TrimSuffix(line, "\n")
			if width(line) > columns {
				t.Fatalf("%d columns: %q takes %d", columns, line, width(line))
			}
			if strings.ContainsAny(line, "\x1b\r") {
				t.Fatalf("a name reached the terminal as it is: %q", line)
			}
		}
		if !strings.Contains(out, "n") {
			t.Fatalf("%d columns: %q", columns, out)
		}
	}
	if out := wideTable().write(screen{}); !strings.Contains(out, strings.TrimSpace(strings.Repeat("connection refused ", 5))) {
		t.Errorf("something is cut where nothing has to be: %s", out)
	}
}

func TestColumnsStandBelowEachOther(t *testing.T) {
	for _, s := range []screen{{}, {width: 60, color: true}} {
		lines := strings.Split(strings.TrimSpace(wideTable().write(s)), "\n")
		if len(lines) != 4 {
			t.Fatalf("%q", lines)
		}
		at := -1
		for i, word := range []string{"STATE", "open", "ok", "ok"} {
			plain := strings.NewReplacer("\x1b[1m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[0m", "").Replace(lines[i])
			column := width(plain[:strings.Index(plain, word)])
			if at < 0 {
				at = column
			}
			if column != at {
				t.Errorf("%q stands at %d, want %d", word, column, at)
			}
		}
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAgesAreShort(t *testing.T) {
	for in, want := range map[string]string{
		"0s": "0s", "59s": "59s", "1m": "1m", "90s": "1m30s", "10m1s": "10m", "59m29s": "59m", "1h": "1h0m",
		"26h": "1d2h", "720h": "30d0h",
	} {
		if got := age(duration(t, in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
