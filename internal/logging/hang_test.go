package logging

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/testenv"
)

const closedEarly = "Log file is closed before it could be written again"

// inTime fails where f hangs. The limit says nothing about how long f takes.
func inTime(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", what)
	}
}

// logLines logs n numbered lines.
func logLines(l *Logs, n int) {
	for i := range n {
		l.Logger().Info("Line", "n", i)
	}
}

// wantLines says that text has n numbered lines, in their order.
func wantLines(t *testing.T, text string, n int) {
	t.Helper()
	next := 0
	for _, line := range parseLines(t, text) {
		if line.message != "Line" {
			continue
		}
		if line.value("n") != fmt.Sprint(next) {
			t.Fatalf("line %s where line %d should be", line.value("n"), next)
		}
		next++
	}
	if next != n {
		t.Errorf("%d lines of %d", next, n)
	}
}

// blocking is a console that takes nothing until it is let.
type blocking struct {
	safeBuffer
	let chan struct{}
}

func (b *blocking) Write(p []byte) (int, error) {
	<-b.let
	return b.safeBuffer.Write(p)
}

func TestNothingIsLostAtCloseAndNoGoroutineIsLeft(t *testing.T) {
	const lines = 100
	to := func(b *safeBuffer, took time.Duration) func([]byte) error {
		return func(line []byte) error {
			time.Sleep(took)
			_, err := b.Write(line)
			return err
		}
	}
	for _, slow := range [][2]time.Duration{{0, answerWait / lines / 2}, {answerWait / lines / 2, 0}} {
		synctest.Test(t, func(t *testing.T) { // which fails where a goroutine is left
			console, file := &safeBuffer{}, &safeBuffer{}
			l, err := New(config.Logging{Level: config.LevelInfo}, Console(io.Discard), func(l *Logs) {
				l.console.write, l.file.write = to(console, slow[0]), to(file, slow[1])
			})
			if err != nil {
				t.Fatal(err)
			}
			logLines(l, lines)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			wantLines(t, console.String(), lines)
			wantLines(t, file.String(), lines)
		})
	}
}

func TestCloseOfAFileThatHangsSaysWhatIsLostAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console, let := &safeBuffer{}, make(chan struct{})
		l, err := New(config.Logging{Level: config.LevelInfo}, Console(console), func(l *Logs) {
			l.file.write = func([]byte) error { <-let; return nil }
		})
		if err != nil {
			t.Fatal(err)
		}
		logLines(l, 100)
		start := time.Now()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 2*answerWait {
			t.Errorf("it took %s", took)
		}
		wantLines(t, console.String(), 100)
		lines := parseLines(t, console.String())
		if last := lines[len(lines)-1]; last.message != closedEarly || last.value("lost") != "100" {
			t.Errorf("%+v is the last line", last)
		}
		close(let)
	})
}

func TestCloseEndsWhereBothLogsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := &blocking{let: make(chan struct{})}
		l, err := New(config.Logging{Level: config.LevelInfo}, Console(console), func(l *Logs) {
			l.file.write = func([]byte) error { <-console.let; return nil }
		})
		if err != nil {
			t.Fatal(err)
		}
		logLines(l, maxLines+10) // so that each has to tell of the other
		start := time.Now()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 2*answerWait {
			t.Errorf("it took %s", took)
		}
		close(console.let)
	})
}

func TestValuesAreThoseOfTheCall(t *testing.T) {
	console := &blocking{let: make(chan struct{})}
	l, err := New(settings(t.TempDir()+"/x.log"), Console(console))
	if err != nil {
		t.Fatal(err)
	}
	value := []string{"then"}
	l.Logger().Info("Line", "value", value)
	value[0] = "now"
	close(console.let)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(console.String(), "then") {
		t.Error(console.String())
	}
}

// pipe returns the two ends of a pipe whose write blocks in the kernel, as
// stderr's does.
func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	path := t.TempDir() + "/pipe"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return reader, os.NewFile(uintptr(fd), path)
}

func TestAPipeThatNobodyReadsStopsNobody(t *testing.T) {
	const lines = 5000 // more than a pipe holds
	before := runtime.NumGoroutine()
	reader, writer := pipe(t)
	cfg := settings(t.TempDir() + "/x.log")
	l, err := New(cfg, Console(writer))
	if err != nil {
		t.Fatal(err)
	}
	inTime(t, "logging", func() { logLines(l, lines) })
	inTime(t, "reloading", func() {
		if err := l.Reconfigure(cfg); err != nil {
			t.Error(err)
		}
	})
	inTime(t, "closing", func() {
		l.file.flush(t.Context()) // however long that may take
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	text := read(t, cfg.File)
	wantLines(t, text, lines)
	said := parseLines(t, text)
	if last := said[len(said)-1]; last.message != "Console is left before it could be written again" {
		t.Errorf("%+v is the last line", last)
	}

	// Whoever comes to read gets it all, and the goroutine ends then.
	var got []byte
	inTime(t, "reading", func() {
		settled := make(chan struct{})
		go func() {
			defer close(settled)
			settle(l)
			writer.Close()
		}()
		got, err = io.ReadAll(reader)
		<-settled
	})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, string(got), lines)
	reader.Close()
	// Lumberjack's one goroutine for the file is never ended.
	eventually(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before+1 })
}

// frozenLater returns a directory on a file system of its own, and what
// freezes it and thaws it.
func frozenLater(t *testing.T) (dir string, freeze, thaw func()) {
	t.Helper()
	image := t.TempDir() + "/image"
	dir = t.TempDir()
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return nil
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(image, nil, 0o600))
	must(os.Truncate(image, 16<<20))
	if err := run("mkfs.ext4", "-q", "-F", image); err != nil {
		testenv.Missing(t, "needs mkfs.ext4 (apt-get install e2fsprogs): %v", err)
	}
	if err := run("mount", "-o", "loop", image, dir); err != nil {
		testenv.Missing(t, "needs a loop device, which containers often have none of: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	t.Cleanup(func() { _ = run("fsfreeze", "-u", dir) }) // where the test failed before
	return dir, func() { must(run("fsfreeze", "-f", dir)) }, func() { must(run("fsfreeze", "-u", dir)) }
}

func TestAFrozenFileSystemStopsNobodyAndLosesNothing(t *testing.T) {
	if !inPrivateMounts(t) {
		return
	}
	dir, freeze, thaw := frozenLater(t)
	cfg := settings(dir + "/x.log")
	console := &safeBuffer{}
	l, err := New(cfg, Console(console))
	if err != nil {
		t.Fatal(err)
	}
	settle(l)
	freeze()
	inTime(t, "logging", func() { logLines(l, 1000) })

	inTime(t, "reloading", func() {
		if err := l.Reconfigure(cfg); err != nil {
			t.Error(err)
		}
		for _, why := range []string{"it was not opened within", "an earlier reload still waits"} {
			other := settings(dir + "/other.log")
			if err := l.Reconfigure(other); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("a new file on a frozen file system: %v", err)
			}
		}
	})
	inTime(t, "starting and closing", func() {
		other, err := New(settings(dir+"/third.log"), Console(io.Discard))
		if err != nil {
			t.Error(err)
			return
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
	thaw()
	inTime(t, "writing", func() { settle(l) })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantLines(t, console.String(), 1000)
	wantLines(t, read(t, cfg.File), 1000)
}
