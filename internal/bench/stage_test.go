//go:build bench

package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

const (
	daemonUnit   = "monitor_service.service"
	databaseUnit = "mariadb.service"
	managerUnit  = "init.scope"     // systemd itself
	servicesUnit = "system-w.slice" // all of w@1, w@2, …
	programPath  = "/usr/bin/monitor_service"
	configPath   = "/etc/monitor_service/config.ini"
	loopPath     = "/srv/bench/loop"
	profilePath  = "/srv/bench/profile"

	// limit bounds a wait for something that must happen; it measures nothing.
	limit = 5 * time.Minute
	// lookPause, or lookEvery part of the time so far where that is longer,
	// passes until the database is asked again whether all alarms are
	// cleared: what a time may be too long by. Each look is a query, which
	// takes its part of the processors.
	lookPause = 20 * time.Millisecond
	lookEvery = 50
)

// textLook says what comes of lookPause and lookEvery.
var textLook = fmt.Sprintf("Whether all alarms are cleared is asked every %s, or every %dth part of the time so far where that is more: "+
	"monitor_service's times are too long by half of that on average, and include the queries.", lookPause, lookEvery)

// template is the unit of the services: started in a moment, stopped at the
// first signal, and never refused for having been started too often.
const template = `[Unit]
Description=Service %i
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sleep infinity
`

// hanging takes longer to start than all others together.
const hanging = `[Unit]
StartLimitIntervalSec=0
[Service]
ExecStartPre=/bin/sleep 80
ExecStart=/bin/sleep infinity
`

// loop does for each alarm what the bash daemon does: a client of the database
// for the row, systemctl to restart, systemctl to look, a client to clear, one
// alarm after the other. It prints when it began and ended.
const loop = `#!/bin/bash
my() { mariadb --user=monitor --password=secret --batch --skip-column-names v_process_monitor --execute="$1" </dev/null; }
begin=$EPOCHREALTIME
mapfile -t alarms < <(my "SELECT s.process_id, p.process_name FROM STATUS_PROCESS s JOIN PROCESE p ON p.process_id = s.process_id WHERE s.alarma = 1 AND s.sound = 0")
for alarm in "${alarms[@]}"; do
	IFS=$'\t' read -r id name <<<"$alarm"
	[[ $(my "SELECT alarma FROM STATUS_PROCESS WHERE process_id = $id") == 1 ]] || continue
	systemctl restart "$name" || continue
	systemctl is-active --quiet "$name" || continue
	my "UPDATE STATUS_PROCESS SET alarma = 0, notes = CONCAT(notes, ' - Restarted at ', NOW()) WHERE process_id = $id"
done
echo "$begin $EPOCHREALTIME"
`

// defaults is a configuration that leaves everything at its default but what
// would dominate: alarms are looked for as often as is allowed.
const defaults = `[database]
host = localhost
user = monitor
password = secret
database = v_process_monitor

[monitor]
check_interval = 100ms
`

// stage is the host that everything is measured on.
type stage struct {
	*host.Host
	db *sql.DB
	// started is how many of the services w@1, w@2, … run, listed how many
	// are in the tables.
	started, listed int
	// processors is how many the host has.
	processors float64
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{Host: host.Boot(t, host.Options{})}
	s.processors = number(t, s.Must(t, "nproc"))
	s.Put(t, "/etc/systemd/system/w@.service", template, 0o644)
	s.Put(t, "/etc/systemd/system/hang.service", hanging, 0o644)
	s.Put(t, "/etc/systemd/journald.conf.d/bench.conf",
		"[Journal]\nStorage=volatile\nRuntimeMaxUse=200M\nRateLimitIntervalSec=0\nForwardToSyslog=no\nForwardToWall=no\n", 0o644)
	s.Put(t, loopPath, loop, 0o755)
	s.PutFile(t, "../../deploy/monitor_service.service", "/etc/systemd/system/"+daemonUnit, 0o644)
	program := "monitor_service/cmd/monitor_service"
	if *profileDir != "" {
		program = "monitor_service/internal/bench/profiled"
		s.Put(t, "/etc/systemd/system/"+daemonUnit+".d/profile.conf", "[Service]\nEnvironment=BENCH_PROFILE="+profilePath+"\n", 0o644)
	}
	s.PutFile(t, build(t, program), programPath, 0o755)
	s.Shell(t, "mkdir -p "+profilePath+"; systemctl restart systemd-journald; systemctl daemon-reload")
	s.SQL(t, `
		CREATE DATABASE v_process_monitor DEFAULT CHARACTER SET utf8mb4;
		CREATE USER monitor@localhost IDENTIFIED BY 'secret';
		GRANT SELECT, UPDATE ON v_process_monitor.* TO monitor@localhost;`)
	s.SQL(t, "USE v_process_monitor;\n"+s.schema(t))
	db, err := s.DB("v_process_monitor")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxIdleConns(2)
	s.db = db
	return s
}

// schema is what the program itself prints.
func (s *stage) schema(t *testing.T) string {
	t.Helper()
	return s.Must(t, programPath, "schema")
}

// build builds the program as it is shipped, but for what a profile needs.
func build(t *testing.T, program string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "monitor_service")
	args := []string{"build", "-buildvcs=false", "-trimpath", "-o", path}
	if *profileDir != "" {
		args = append(args, "-tags", "bench")
	} else {
		args = append(args, "-ldflags", "-s -w")
	}
	cmd := exec.Command("go", append(args, program)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	return path
}

// services sees to it that w@1 to w@n run and are in the tables, and that no
// others run: an idle service costs systemd time, too.
func (s *stage) services(t *testing.T, n int) {
	t.Helper()
	s.list(t, n)
	if n > s.started {
		s.Shell(t, fmt.Sprintf("systemctl start $(seq -f 'w@%%g.service' %d %d)", s.started+1, n))
	} else if n < s.started {
		s.Shell(t, fmt.Sprintf("systemctl stop $(seq -f 'w@%%g.service' %d %d)", n+1, s.started))
	}
	s.started = n
}

// list sees to it that the tables have at least n rows, w@1 to w@n.
func (s *stage) list(t *testing.T, n int) {
	t.Helper()
	if n <= s.listed {
		return
	}
	s.SQL(t, fmt.Sprintf(`USE v_process_monitor;
		INSERT INTO PROCESE SELECT seq, CONCAT('w@', seq) FROM seq_%d_to_%d;
		INSERT INTO STATUS_PROCESS SELECT seq, 0, 0, '' FROM seq_%d_to_%d;`, s.listed+1, n, s.listed+1, n))
	s.listed = n
}

// daemon starts the daemon afresh, without a memory of earlier recoveries, and
// returns when it has polled.
func (s *stage) daemon(t *testing.T, config string) {
	t.Helper()
	s.stopDaemon(t)
	s.Put(t, configPath, config, 0o640)
	s.Must(t, "systemctl", "start", daemonUnit)
	s.Eventually(t, "the first poll", limit, func() bool {
		status := s.Property(t, daemonUnit, "StatusText")
		return strings.HasPrefix(status, "Polling") && !strings.Contains(status, "first poll")
	})
}

// stopDaemon also forgets what a daemon would go on with.
func (s *stage) stopDaemon(t *testing.T) {
	t.Helper()
	s.Shell(t, "systemctl stop "+daemonUnit+"; rm -rf /var/lib/monitor_service /var/log/monitor_service*")
	s.exec(t, "UPDATE STATUS_PROCESS SET alarma = 0, sound = 0, notes = '' WHERE alarma <> 0 OR sound <> 0 OR notes <> ''")
}

func (s *stage) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if _, err := s.db.ExecContext(ctx, statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (s *stage) count(t *testing.T, query string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	n := 0
	if err := s.db.QueryRowContext(ctx, query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// raise puts the processes that match into alarm, in one transaction, and
// returns when it was committed.
func (s *stage) raise(t *testing.T, which string) time.Time {
	t.Helper()
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE STATUS_PROCESS SET alarma = 1, sound = 0 WHERE "+which); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return at
}

// cleared waits until no process that matches is in alarm.
func (s *stage) cleared(t *testing.T, which string) time.Time {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(max(lookPause, time.Since(begun)/lookEvery)) {
		if s.count(t, "SELECT COUNT(*) FROM STATUS_PROCESS WHERE alarma = 1 AND "+which) == 0 {
			return time.Now()
		}
		if time.Since(begun) > limit {
			t.Fatalf("alarms still stand after %s\n%s", limit, s.Report())
		}
	}
}

// pid is the daemon's process id as it is seen from outside of the host.
func (s *stage) pid(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(s.Outside("/sys/fs/cgroup/system.slice/" + daemonUnit + "/cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return int(number(t, first))
}

// processor is the processor time that a unit has used, in seconds.
func (s *stage) processor(t *testing.T, unit string) float64 {
	t.Helper()
	if unit != managerUnit {
		unit = "system.slice/" + unit
	}
	text, err := os.ReadFile(s.Outside("/sys/fs/cgroup/" + unit + "/cpu.stat"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0 // it does not run
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if usage, ok := strings.CutPrefix(line, "usage_usec "); ok {
			return number(t, usage) / 1e6
		}
	}
	t.Fatalf("no usage in %q", text)
	return 0
}

// status is a figure of the daemon's by its name in proc_pid_status(5): sizes in
// bytes.
func (s *stage) status(t *testing.T, field string) float64 {
	t.Helper()
	return figure(t, fmt.Sprintf("/proc/%d/status", s.pid(t)), field)
}

func figure(t *testing.T, path, field string) float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, field+":")
		if !ok {
			continue
		}
		if size, ok := strings.CutSuffix(strings.TrimSpace(value), " kB"); ok {
			return number(t, size) * 1024
		}
		return number(t, value)
	}
	t.Fatalf("no %s in %s", field, path)
	return 0
}

// selects counts the queries that the server has answered.
func (s *stage) selects(t *testing.T) int {
	t.Helper()
	var name string
	n := 0
	if err := s.db.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Com_select'").Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
