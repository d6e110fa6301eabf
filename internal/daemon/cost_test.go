//go:build integration

package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/command"
	"monitor_service/internal/config"
	"monitor_service/internal/healthcheck"
	"monitor_service/internal/recovery"
	"monitor_service/internal/restart"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/bus"
	"monitor_service/internal/testenv/mariadb"
)

// costs is a daemon that polls and recovers when it is told to, on a real
// database and on a stand-in for systemd that counts what it is asked. All that
// a poll and a recovery go through is in it: the log, the history, the metrics
// and what is kept for a successor.
type costs struct {
	t      *testing.T
	bus    *bus.Bus
	server *mariadb.Server
	d      *Daemon

	mu    sync.Mutex
	kinds map[recovery.Kind]int
}

func newCosts(t *testing.T, processes string) *costs {
	t.Helper()
	c := &costs{t: t, bus: bus.Start(t), server: mariadb.Start(t), kinds: map[recovery.Kind]int{}}
	settings := c.server.CreateDatabase("alarms")
	c.server.Exec("USE alarms; " + alarmdb.Schema(config.DriverMySQL))
	s := newSite(t)
	text := fmt.Sprintf("[database]\ndriver = sqlite\npath = %[1]s/alarms.db\n[logging]\nfile = %[1]s/log\n[control]\nsocket = none\n", s.dir)
	if err := os.WriteFile(s.path("config.ini"), []byte(text+processes), 0o600); err != nil {
		t.Fatal(err)
	}
	c.d = s.daemon()
	t.Cleanup(func() {
		if err := c.d.stop(); err != nil {
			t.Error(err)
		}
	})
	c.furnish(settings)
	return c
}

// furnish gives the daemon the database and the stand-in in the place of what
// the site and this host have.
func (c *costs) furnish(settings config.Database) {
	c.t.Helper()
	d := c.d
	d.engine.Stop(c.t.Context())
	d.units.Close()
	_ = d.db.Close()
	var err error
	if d.db, err = alarmdb.Open(settings); err != nil {
		c.t.Fatal(err)
	}
	client := systemd.NewClientWith(c.bus.Dial)
	c.t.Cleanup(client.Close)
	d.units = restart.New(restart.Options{Units: client, Table: d.procs, Run: command.Run})
	d.units.StretchGlances(1000)
	d.engine = recovery.New(d.cfg, d.db, d.units, healthcheck.New(client, d.procs, command.Run), func(ev recovery.Event) {
		d.emit(ev)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kinds[ev.Kind]++
	})
	d.takeOver()
}

// raise puts n services into alarm.
func (c *costs) raise(n int) {
	c.t.Helper()
	for i := range n {
		name := fmt.Sprint("w", i)
		c.bus.SetUnit(bus.Unit{Name: name + ".service", ActiveUptime: 1})
		c.server.Exec("INSERT IGNORE INTO alarms.PROCESE VALUES (?, ?)", i, name)
		c.server.Exec("INSERT INTO alarms.STATUS_PROCESS VALUES (?, 1, 0, '') ON DUPLICATE KEY UPDATE alarma = 1", i)
	}
}

// recover polls, recovers and clears all alarms.
func (c *costs) recover(n int) {
	c.t.Helper()
	c.poll()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	if owed, err := c.d.engine.Drain(ctx); err != nil || owed {
		c.t.Fatalf("not all is done: %v, write-backs owed %t", err, owed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds[recovery.Cleared] != n {
		c.t.Fatalf("%d of %d alarms were cleared: %v", c.kinds[recovery.Cleared], n, c.kinds)
	}
	c.kinds = map[recovery.Kind]int{}
}

// poll is what the loop does for one.
func (c *costs) poll() {
	c.t.Helper()
	at := time.Now()
	rows, err := c.d.db.Poll(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	c.d.digest(polled{at: at, rows: rows, odd: c.d.db.Odd(), took: time.Since(at)})
	c.d.show()
}

// talk is what the questions of n recoveries allocate without the recoveries, by
// far the most of it in the stand-in, which is in this process.
func (c *costs) talk(n int) int {
	c.t.Helper()
	client := systemd.NewClientWith(c.bus.Dial)
	defer client.Close()
	const unit = "talk.service"
	c.bus.SetUnit(bus.Unit{Name: unit, ActiveUptime: 1})
	begin := 0
	for i := range 1 + n {
		if i == 1 { // the first one has dialled
			begin = allocated()
		}
		_, before := client.State(c.t.Context(), unit)
		err := client.Restart(c.t.Context(), unit)
		_, after := client.Running(c.t.Context(), unit)
		_, later := client.Running(c.t.Context(), unit)
		if err := errors.Join(before, err, after, later); err != nil {
			c.t.Fatal(err)
		}
	}
	return allocated() - begin
}

// allocated is how often this process has allocated so far.
func allocated() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Mallocs)
}

// status is one of the server's counters. To read it is a statement, too.
func (c *costs) status(name string) int {
	c.t.Helper()
	var value string
	if err := c.server.DB().QueryRowContext(c.t.Context(), "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &value); err != nil {
		c.t.Fatal(err)
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// Ceilings of allocations, about twice what they are: they are counts, but one
// more here or there, or in a library, is no news. A recovery's are those beside
// its questions to systemd.
const (
	mostForARecovery = 600
	mostForAPoll     = 120
)

const quickCheck = "[process.default]\nhealth_check_interval = 10ms\n"

func TestARecoveryAsksSystemdAndTheDatabaseForNoMoreThanItNeeds(t *testing.T) {
	const n = 50
	c := newCosts(t, quickCheck+"[monitor]\nstable_time = 0\n")
	c.raise(1)
	c.recover(1) // connections and what is asked once
	c.raise(n)
	talk := c.talk(n)
	c.bus.ForgetCalls()
	children := reaped(t)
	statements, connections := c.status("Questions"), c.status("Connections")
	before := allocated()
	c.recover(n)
	allocations := allocated() - before - talk
	statements, connections = c.status("Questions")-statements-2, c.status("Connections")-connections

	// What it is: a list of one unit and four properties, which serve the
	// restart that follows as well. What it is after, and whether it stays up:
	// three properties each. The few more are for a job that takes so long on a
	// slow machine that it is looked at.
	const few = 5
	want := map[string]int{"ListUnitsByNames": 1, "Get": 10, "RestartUnit": 1}
	got := c.bus.Calls()
	for method, calls := range got {
		if calls > n*want[method]+few {
			t.Errorf("%s was called %d times in %d recoveries, want %d in each", method, calls, n, want[method])
		}
	}
	// One poll, and for each alarm a look whether it stands and a write-back. A
	// new connection is set up by a statement.
	if most := 1 + 2*n + connections; statements > most {
		t.Errorf("%d statements for %d recoveries, want %d", statements, n, most)
	}
	if connections > 9 {
		t.Errorf("%d connections were opened for %d recoveries", connections, n)
	}
	if launched := reaped(t) - children; launched != 0 {
		t.Error("a recovery with the built-in check launches processes")
	}
	if allocations > n*mostForARecovery {
		t.Errorf("%d allocations for each of %d recoveries, want at most %d", allocations/n, n, mostForARecovery)
	}
	t.Logf("%d recoveries: %v, %d statements, %d connections, %d allocations each", n, got, statements, connections, allocations/n)
}

// reaped grows whenever a child of this process has ended and was waited for.
func reaped(t *testing.T) int64 {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		t.Fatal(err)
	}
	return used.Minflt
}

func TestARecoveryLaunchesItsCommandsOnceEach(t *testing.T) {
	dir := t.TempDir()
	c := newCosts(t, fmt.Sprintf("[process.default]\npre_restart_command = echo pre >>%[1]s/ran\nhealth_check_command = echo check >>%[1]s/ran\n", dir))
	c.raise(1)
	c.recover(1)
	s := site{t: t, dir: filepath.Clean(dir)}
	if got := s.read("ran"); strings.Join(strings.Fields(got), " ") != "pre check" {
		t.Errorf("launched %q, want each once", got)
	}
}

func TestAPollIsOneStatementAndLittleMemory(t *testing.T) {
	c := newCosts(t, "[monitor]\ndry_run = yes\n")
	c.raise(3)
	c.poll()
	if _, err := c.d.engine.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.bus.ForgetCalls()
	children, before := reaped(t), c.status("Questions")
	const polls = 10
	allocations := allocated()
	for range polls {
		c.poll()
	}
	allocations = allocated() - allocations
	if n := c.status("Questions") - before - 1; n != polls {
		t.Errorf("%d statements for %d polls", n, polls)
	}
	if allocations > polls*mostForAPoll {
		t.Errorf("%d allocations for each of %d polls, want at most %d", allocations/polls, polls, mostForAPoll)
	}
	if reaped(t) != children {
		t.Error("a poll launches processes")
	}
	t.Logf("%d allocations for each poll", allocations/polls)
	if calls := c.bus.Calls(); len(calls) > 0 {
		t.Errorf("systemd was asked for %v", calls)
	}
}
