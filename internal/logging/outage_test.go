package logging

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const back = "Log file is written again"

func TestAnOutageIsToldAtItsTwoEndsAndTriedEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, writes := errors.New("broken"), 0
		f := newFlaky(nil)
		seen := func() []change {
			synctest.Wait()
			tries, told := f.seen()
			writes += len(tries)
			return told
		}
		put := func() []change {
			f.add([]byte("x"))
			return seen()
		}
		if told := put(); len(told) != 0 {
			t.Fatalf("%+v", told)
		}
		f.fail(broken)
		start := time.Now()
		if told := put(); len(told) != 1 || !told[0].began || !errors.Is(told[0].err, broken) || told[0].lost != 0 {
			t.Fatalf("%+v", told)
		}
		for range 90 {
			if told := put(); len(told) != 0 {
				t.Fatalf("told again: %+v", told)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if writes != 3 {
			t.Errorf("%d writes, want one when it was well, one when it broke and one after 5 s", writes)
		}
		time.Sleep(time.Minute - time.Second - time.Since(start))
		f.fail(nil)
		time.Sleep(time.Second)
		if told := seen(); len(told) != 1 || !told[0].ended || told[0].lost != 90 || told[0].took != time.Minute {
			t.Fatalf("%+v", told)
		}
		if told := put(); len(told) != 0 || f.unwritten() != 0 {
			t.Fatalf("%+v", told)
		}
	})
}

func TestALogThatNobodyWritesToComesBackByItself(t *testing.T) {
	for _, line := range []string{"one line", ""} { // an empty one opens the log
		synctest.Test(t, func(t *testing.T) {
			f := newFlaky(errors.New("broken"))
			f.add([]byte(line))
			time.Sleep(time.Hour - time.Second)
			tries, told := f.seen()
			if n := int(time.Hour / retryAfter); len(tries) != n || len(told) != 1 {
				t.Errorf("in an hour it was tried %d times and not %d, and %+v was told", len(tries), n, told)
			}
			f.fail(nil)
			time.Sleep(time.Second)
			synctest.Wait()
			if h := f.health("file"); h.Failing || h.Dropped != 0 || f.unwritten() != 0 {
				t.Errorf("%+v", h)
			}
			tries, told = f.seen()
			if len(told) != 1 || !told[0].ended || told[0].lost != 0 || told[0].took != time.Hour {
				t.Errorf("on the way out %+v is said", told)
			}
			if !slices.Contains(tries, line) {
				t.Errorf("it was tried with %q", tries)
			}
			time.Sleep(time.Hour)
			if tries, _ := f.seen(); len(tries) > 0 {
				t.Errorf("a log that is well is tried with %q", tries)
			}
		})
	}
}

func TestALogIsNotTriedAnyMoreWhenItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(errors.New("broken"))
		f.add([]byte("x"))
		synctest.Wait()
		f.close()
		time.Sleep(time.Hour)
		f.add([]byte("after it"))
		time.Sleep(time.Hour)
		if tries, _ := f.seen(); len(tries) != 2 {
			t.Errorf("%d writes, want one for each line", len(tries))
		}
	})
}

// breakAndMend breaks a log file and mends it, and says what must be seen then.
func breakAndMend(t *testing.T, path string, breakIt, mendIt func()) {
	t.Helper()
	l, console := open(t, settings(path))
	l.file.retryAfter = 0
	l.Logger().Info("Line", "n", 0)
	breakIt()
	for i := range 50 {
		l.Logger().Info("Line", "n", i+1)
	}
	if n := console.count(t, message); n != 1 {
		t.Errorf("the beginning is said %d times: %s", n, console.String())
	}
	mendIt()
	l.Logger().Info("Line", "n", 51)
	l.Logger().Info("Line", "n", 52)

	if console.count(t, "Line") != 53 || console.count(t, back) != 1 {
		t.Errorf("not everything is on the console once: %s", console.String())
	}
	written, lost := 0, 0
	for _, line := range parseLines(t, read(t, path)) {
		switch line.message {
		case "Line":
			written++
		case back:
			lost, _ = strconv.Atoi(line.value("lost"))
		}
	}
	if written+lost != 53 || lost < 40 {
		t.Errorf("%d lines are in the file and %d are said to be lost, of 53: %q", written, lost, read(t, path))
	}
}

func TestAFileWhoseDirectoryIsRemovedComesBack(t *testing.T) {
	top := t.TempDir() + "/top"
	path := top + "/dir/x.log"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	breakAndMend(t, path,
		func() {
			if err := os.Rename(top, top+".away"); err != nil {
				t.Fatal(err)
			}
		},
		func() {
			if err := os.Rename(top+".away", top); err != nil {
				t.Fatal(err)
			}
		})
}

func TestAFullDiskIsSaidOnceAndTearsNoLine(t *testing.T) {
	if !inPrivateMounts(t) {
		return
	}
	dir := t.TempDir()
	mountTmpfs(t, dir, "size=64k,mode=0755")
	path, filler := dir+"/x.log", dir+"/filler"
	breakAndMend(t, path,
		func() {
			// The last page of the file is taken, so fill it up.
			f, err := os.Create(filler)
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = f.Write(make([]byte, 4096))
			}
			f.Close()
			log, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			info, _ := log.Stat()
			line := "2026-11-23 02:49:46 - INFO - Filler\n"
			for size := info.Size(); size+int64(len(line)) < 4096-20; size += int64(len(line)) {
				fmt.Fprint(log, line)
			}
		},
		func() {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		})
}

func TestAReadOnlyFileSystemIsSaidOnceAndRefusedByAReload(t *testing.T) {
	if !inPrivateMounts(t) {
		return
	}
	dir := t.TempDir()
	mountTmpfs(t, dir, "size=64k,mode=0755")
	remount(t, dir, true)
	path := dir + "/x.log"
	l, console := open(t, settings(path))
	l.file.retryAfter, l.file.retryAt = 0, time.Time{}
	if err := l.Reconfigure(settings(dir + "/other.log")); !errors.Is(err, syscall.EROFS) {
		t.Errorf("a new file on a read-only file system: %v", err)
	}
	for range 10 {
		l.Logger().Info("Line")
	}
	remount(t, dir, false)
	l.Logger().Info("Line")
	if console.count(t, message) != 1 || console.count(t, back) != 1 || console.count(t, "Line") != 11 {
		t.Error(console.String())
	}
	if lines := parseLines(t, read(t, path)); len(lines) != 3 || lines[2].value("lost") != "9" {
		t.Errorf("%q", lines)
	}
}

func TestAFileThatCannotBeRotatedIsSaidOnceAndDoesNotGrow(t *testing.T) {
	if os.Geteuid() == 0 {
		if !inPrivateMounts(t) {
			return
		}
		if err := dropRoot(); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "logging")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cfg := settings(dir + "/x.log")
	cfg.MaxSize = 200
	l, console := open(t, cfg)
	l.file.retryAfter = 0
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		l.Logger().Info("Line")
	}
	if n := len(read(t, cfg.File)); n > 200 || console.count(t, message) != 1 {
		t.Errorf("%d bytes; %s", n, console.String())
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("Line")
	if console.count(t, back) != 1 || console.count(t, "Line") != 21 {
		t.Error(console.String())
	}
}

func TestAFileThatCannotBeOpenedAtStartIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/a/b/x.log"
	l, console := open(t, settings(path))
	if console.count(t, message) != 1 {
		t.Fatal(console.String())
	}
	l.file.retryAfter, l.file.retryAt = 0, time.Time{}
	l.Logger().Info("One")
	if err := os.Mkdir(dir+"/a", 0o755); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("Two")
	lines := parseLines(t, read(t, path))
	if len(lines) != 3 || lines[0].message != "One" || lines[1].message != "Two" || lines[2].message != back || lines[2].value("lost") != "0" {
		t.Errorf("%q", lines)
	}
}

func TestLinesThatAreStillLostAtTheEndAreSaid(t *testing.T) {
	l, console := open(t, settings(t.TempDir()+"/a/b/x.log"))
	l.Logger().Info("One")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if console.count(t, "Log file is closed before it could be written again") != 1 {
		t.Error(console.String())
	}
}

func TestAConsoleThatFailsIsSaidInTheFile(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	path := t.TempDir() + "/x.log"
	l, err := New(settings(path), Console(full))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lineByLine(l)
	for range 10 {
		l.Logger().Info("Line")
	}
	said := 0
	for _, line := range parseLines(t, read(t, path)) {
		if line.message == "Console cannot be written, will retry" {
			said++
		}
	}
	if said != 1 {
		t.Errorf("said %d times: %s", said, read(t, path))
	}
}

func TestBothLogsFailingIsNoReasonToStop(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	l, err := New(settings(t.TempDir()+"/a/b/x.log"), Console(full))
	if err != nil {
		t.Fatal(err)
	}
	lineByLine(l)
	for range 10 {
		l.Logger().Info("Line")
	}
	// The message about the file is the first that the console lost.
	if file, console := l.file.unwritten(), l.console.unwritten(); file < 10 || console < 11 {
		t.Errorf("%d and %d lines are counted", file, console)
	}
}
