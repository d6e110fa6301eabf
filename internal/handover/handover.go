// Package handover keeps in files what a daemon that ends leaves to the next
// one: the recoveries that were under way or whose alarm was still to be
// cleared. What a recovery is and when it is gone on with is decided in
// package recovery; here is only where it is written.
package handover

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"monitor_service/internal/ownpath"
	"monitor_service/internal/recovery"
)

const (
	// maxFiles and maxSize bound what is read at the start: as many
	// processes as the engine remembers, and an alarm of as many rows as a
	// poll may have.
	maxFiles = 100_000
	maxSize  = 16 << 20

	suffix = ".json"
)

// Dir is a directory with one file for each recovery. It implements
// recovery.Handover.
type Dir struct{ path, boot string }

var _ recovery.Handover = (*Dir)(nil)

// Open returns the directory "recoveries" below the daemon's state directory,
// and makes it where it is not there.
func Open(stateDirectory string) (*Dir, error) {
	d := &Dir{path: filepath.Join(stateDirectory, "recoveries")}
	var err error
	if d.boot, err = boot(); err != nil {
		return nil, fmt.Errorf("cannot keep recoveries for a later daemon: %w", err)
	}
	if err := d.make(); err != nil {
		return nil, fmt.Errorf("cannot keep recoveries for a later daemon: %w", err)
	}
	return d, nil
}

// make makes the directory where it is missing, and refuses one that is not this
// user's own: who could write there could make this daemon believe that anything
// is restarted already.
func (d *Dir) make() error {
	if err := ownpath.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	return ownpath.Check(d.path)
}

// file is where a process is kept. Names come from the database and may be
// anything.
func (d *Dir) file(process string) string {
	sum := sha256.Sum256([]byte(process))
	return filepath.Join(d.path, hex.EncodeToString(sum[:])+suffix)
}

// record is a line of a file: what is kept, in which boot of the host and how
// long after it. The wall clock may be another one when the file is read.
type record struct {
	recovery.Begun
	Boot  string
	Since time.Duration
}

// uptime is the time since the host was booted, suspended or not
// (CLOCK_BOOTTIME, clock_gettime(2)).
func uptime() (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
	return time.Duration(t.Nano()), err
}

// boot identifies the host's boot, see random(4).
func boot() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text)), err
}

// Keep implements recovery.Handover. It adds a line to the process's file, which
// an attempt begins anew: the last whole line counts, so that a daemon which is
// killed meanwhile leaves the one before. To write a new file in the place of
// the old one for each would have the disk written to as often. It is not forced
// to the disk: a host that went down has restarted everything itself.
func (d *Dir) Keep(b recovery.Begun) error {
	if err := d.keep(b); err != nil {
		return fmt.Errorf("cannot keep the recovery of %q: %w", b.Process, err)
	}
	return nil
}

func (d *Dir) keep(b recovery.Begun) error {
	up, err := uptime()
	if err != nil {
		return err
	}
	text, err := json.Marshal(record{Begun: b, Boot: d.boot, Since: up - time.Since(b.At)})
	if err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND | unix.O_NOFOLLOW
	if !b.Restarted {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(d.file(b.Process), flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody has removed the directory.
		if err = d.make(); err == nil {
			f, err = os.OpenFile(d.file(b.Process), flags, 0o600)
		}
	}
	if err != nil {
		return err
	}
	// The end of the line before it, also of one that was cut short.
	_, err = f.Write(append([]byte{'\n'}, text...))
	return errors.Join(err, f.Close())
}

// Drop implements recovery.Handover.
func (d *Dir) Drop(process string) error { return remove(d.file(process)) }

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Left returns what a predecessor has left since the host was booted, dated by
// this daemon's clock. A file that is of no use is removed; the error says
// which was broken, and does not keep the others from being returned.
func (d *Dir) Left() ([]recovery.Begun, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("cannot read what a predecessor has left: %w", err)
	}
	now := time.Now()
	up, err := uptime()
	if err != nil {
		return nil, fmt.Errorf("cannot read what a predecessor has left: %w", err)
	}
	var left []recovery.Begun
	var errs []error
	for _, entry := range entries {
		path := filepath.Join(d.path, entry.Name())
		if !strings.HasSuffix(path, suffix) || len(left) == maxFiles {
			errs = append(errs, remove(path))
			continue
		}
		r, err := read(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot read what a predecessor has left in %q: %w", path, err), remove(path))
			continue
		}
		if r.Boot != d.boot {
			errs = append(errs, remove(path)) // everything was started anew
			continue
		}
		r.At = now.Add(r.Since - up)
		left = append(left, r.Begun)
	}
	return left, errors.Join(errs...)
}

// read returns the last line of a file that is whole.
func read(path string) (record, error) {
	f, err := os.Open(path)
	if err != nil {
		return record{}, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSize))
	if err != nil {
		return record{}, err
	}
	lines := bytes.Split(text, []byte{'\n'})
	for _, line := range slices.Backward(lines) {
		var r record
		if err = json.Unmarshal(line, &r); err == nil {
			return r, nil
		}
	}
	return record{}, err
}
