//go:build integration

package daemon

import (
	"context"
	"fmt"
	"path/filepath"
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
	"monitor_service/internal/proctable"
	"monitor_service/internal/recovery"
	"monitor_service/internal/restart"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/bus"
	"monitor_service/internal/testenv/mariadb"
)

// costs are the parts of a daemon that poll and recover, on a real database and
// on a stand-in for systemd that counts what it is asked.
type costs struct {
	t      *testing.T
	bus    *bus.Bus
	server *mariadb.Server
	db     *alarmdb.DB
	engine *recovery.Engine

	mu    sync.Mutex
	kinds map[recovery.Kind]int
}

func newCosts(t *testing.T, processes string) *costs {
	t.Helper()
	c := &costs{t: t, bus: bus.Start(t), server: mariadb.Start(t), kinds: map[recovery.Kind]int{}}
	settings := c.server.CreateDatabase("alarms")
	c.server.Exec("USE alarms; " + alarmdb.Schema(config.DriverMySQL))
	var err error
	if c.db, err = alarmdb.Open(settings); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.db.Close() })
	cfg, _, err := config.Parse("config.ini", []byte("[database]\ndriver = sqlite\npath = /nowhere\n"+processes), nil)
	if err != nil {
		t.Fatal(err)
	}
	table, err := proctable.New()
	if err != nil {
		t.Fatal(err)
	}
	client := systemd.NewClientWith(c.bus.Dial)
	t.Cleanup(client.Close)
	units := restart.New(restart.Options{Units: client, Table: table, Run: command.Run})
	t.Cleanup(units.Close)
	c.engine = recovery.New(cfg, c.db, units, healthcheck.New(client, table, command.Run), func(ev recovery.Event) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kinds[ev.Kind]++
	})
	t.Cleanup(func() { c.engine.Stop(context.Background()) })
	return c
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
	if owed, err := c.engine.Drain(ctx); err != nil || owed {
		c.t.Fatalf("not all is done: %v, write-backs owed %t", err, owed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds[recovery.Cleared] != n {
		c.t.Fatalf("%d of %d alarms were cleared: %v", c.kinds[recovery.Cleared], n, c.kinds)
	}
	c.kinds = map[recovery.Kind]int{}
}

func (c *costs) poll() {
	c.t.Helper()
	at := time.Now()
	rows, err := c.db.Poll(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	c.engine.Cycle(at, rows)
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

const quickCheck = "[process.default]\nhealth_check_interval = 10ms\n"

func TestARecoveryAsksSystemdAndTheDatabaseForNoMoreThanItNeeds(t *testing.T) {
	const n = 50
	c := newCosts(t, quickCheck+"[monitor]\nstable_time = 0\n")
	c.raise(1)
	c.recover(1) // connections and what is asked once
	c.raise(n)
	c.bus.ForgetCalls()
	children := reaped(t)
	statements, connections := c.status("Questions"), c.status("Connections")
	c.recover(n)
	statements, connections = c.status("Questions")-statements-2, c.status("Connections")-connections

	// What it is: a list of one unit and four properties; the same again before
	// the restart, where a busy host has let time pass since. What it is after,
	// and whether it stays up: three properties each.
	want := map[string]int{"ListUnitsByNames": 2, "Get": 14, "RestartUnit": 1}
	got := c.bus.Calls()
	for method, calls := range got {
		if calls > n*want[method] {
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
	t.Logf("%d recoveries: %v, %d statements, %d connections", n, got, statements, connections)
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

func TestAPollIsOneStatement(t *testing.T) {
	c := newCosts(t, "[monitor]\ndry_run = yes\n")
	c.raise(3)
	c.poll()
	if _, err := c.engine.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.bus.ForgetCalls()
	before := c.status("Questions")
	const polls = 10
	for range polls {
		c.poll()
	}
	if n := c.status("Questions") - before - 1; n != polls {
		t.Errorf("%d statements for %d polls", n, polls)
	}
	if calls := c.bus.Calls(); len(calls) > 0 {
		t.Errorf("systemd was asked for %v", calls)
	}
}
