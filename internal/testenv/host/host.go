// Package host boots a whole machine for tests: a Debian root file system
// under systemd-nspawn with its own systemd, D-Bus, journald, polkit and
// MariaDB, up in a few seconds. Everything a test changes in it is in memory
// and gone with it, and several machines run side by side. It knows how to
// make the root file system, how to boot, how to look and reach inside, and
// how to leave nothing behind. It knows nothing of the daemon under test:
// that belongs to the tests.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// bootLimit is far above the two seconds that a boot takes: it bounds a
	// machine that hangs, it does not measure one that is busy.
	bootLimit = 2 * time.Minute
	// killLimit bounds the wait for something that was killed.
	killLimit = 10 * time.Second
)

// Options say what to boot.
type Options struct {
	// RootFS is the directory of the root file system; empty means the one
	// that RootFS makes. It is never written to.
	RootFS string
}

// Host is a running machine. Its methods may be used by several tests at once.
type Host struct {
	// name is the machine's name and its host name.
	name   string
	leader int
	nspawn *container
	cgroup *cgroup
}

// serial numbers the machines of this process, for their names.
var serial atomic.Int64

// Boot boots a machine that lives as long as the test. A test that fails gets
// the machine's console in its log.
func Boot(t testing.TB, o Options) *Host {
	t.Helper()
	Require(t)
	if o.RootFS == "" {
		o.RootFS = RootFS(t)
	}
	h, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(h.Report())
		}
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// Start boots a machine that lives until Stop, for a machine that several
// tests share; Boot is for one test. It returns when the boot is complete, with
// every unit that belongs to it started or failed.
func Start(ctx context.Context, o Options) (_ *Host, err error) {
	if o.RootFS == "" {
		if o.RootFS, err = makeRootFS(ctx); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	h := &Host{name: fmt.Sprintf("monitor-%d-%d", os.Getpid(), serial.Add(1))}
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot boot the test host %q: %w", h.name, err)
			if stopErr := h.Stop(); stopErr != nil {
				err = errors.Join(err, stopErr)
			}
		}
	}()
	if h.cgroup, err = newCgroup(h.name); err != nil {
		return nil, err
	}
	if h.nspawn, err = startContainer(h.name, o.RootFS, h.cgroup); err != nil {
		return nil, err
	}
	if h.leader, err = h.nspawn.awaitBoot(ctx); err != nil {
		return nil, err
	}
	state, err := h.run(ctx, nil, "systemctl", "is-system-running", "--wait")
	if state = strings.TrimSpace(state); state != "running" && state != "degraded" {
		return nil, fmt.Errorf("systemctl is-system-running says %q: %w\n%s", state, err, h.nspawn.console)
	}
	return h, nil
}

// Stop ends the machine and everything in it. It may be called twice.
func (h *Host) Stop() error {
	var errs []error
	if h.nspawn != nil {
		errs = append(errs, h.nspawn.stop())
		h.nspawn = nil
	}
	if h.cgroup != nil {
		errs = append(errs, h.cgroup.remove())
		h.cgroup = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot stop the test host %q: %w", h.name, err)
	}
	return nil
}

// Name is the machine's host name.
func (h *Host) Name() string { return h.name }

// Leader is the process id, seen from outside, of the machine's PID 1.
func (h *Host) Leader() int { return h.leader }

// alive says whether the process is there, a zombie included.
func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
