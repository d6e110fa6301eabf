package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWhatManyAskForAtOnceIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "rootfs")
	var built atomic.Int64
	build := func(_ context.Context, dir string) error {
		built.Add(1)
		return os.Mkdir(dir, 0o755)
	}
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() {
			if err := makeOnce(context.Background(), dir, build); err != nil {
				t.Error(err)
			}
			if !whole(dir) {
				t.Error("it was not there when it was needed")
			}
		})
	}
	askers.Wait()
	if n := built.Load(); n != 1 {
		t.Errorf("made %d times, want once", n)
	}
}

func TestARootFileSystemIsThereAsAWholeOrNotAtAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rootfs")
	broken := errors.New("no network")
	err := makeOnce(context.Background(), dir, func(_ context.Context, dir string) error {
		if err := os.MkdirAll(filepath.Join(dir, "usr"), 0o755); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if whole(dir) {
		t.Error("half of it is there")
	}
}

func TestWhatADeadProgramLeftIsNotBuiltUpon(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, "rootfs")
	left := filepath.Join(cache, partial+"rootfs")
	if err := os.MkdirAll(filepath.Join(left, "usr"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := makeOnce(context.Background(), dir, func(_ context.Context, dir string) error {
		return os.Mkdir(dir, 0o755) // fails where something is
	}); err != nil {
		t.Fatal(err)
	}
	if whole(filepath.Join(dir, "usr")) {
		t.Error("it holds what was left")
	}
}

func TestTheLastOfTheConsoleIsKept(t *testing.T) {
	c := &console{}
	for range 3 {
		if _, err := c.Write(make([]byte, consoleSize)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	if s := c.String(); len(s) != consoleSize || s[len(s)-7:] != "the end" {
		t.Errorf("kept %d bytes that end in %q", len(s), tail([]byte(s), 7))
	}
}
