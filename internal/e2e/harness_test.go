//go:build e2e

// Package e2e shows the daemon's promises on a whole host: the built program
// under its own unit file, beside a real systemd, journald and MariaDB. What a
// single package can show for itself is tested there.
package e2e

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

const (
	unitFile    = "../../deploy/monitor_service.service"
	daemonUnit  = "monitor_service.service"
	programPath = "/usr/bin/monitor_service"
	configPath  = "/etc/monitor_service/config.ini"
	logPath     = "/var/log/monitor_service.log"

	// scratchUnits is where the tests put their units: reset empties it, and
	// a mask belongs there too (systemctl mask --runtime).
	scratchUnits = "/run/systemd/system"
)

// baseConfig is a configuration to which a test adds the sections of its
// processes. Account and schema are those that reset makes.
const baseConfig = `[database]
host = localhost
user = monitor
password = secret # of the test host
database = v_process_monitor

[monitor]
check_interval = 200ms

`

// bed is a test host made clean for one test.
type bed struct {
	*host.Host
	// began is when the test began, by the clock that both sides share.
	began time.Time
}

// shared is what the tests of this package have in common: hosts that go from
// test to test, one built program, and its packages.
var shared struct {
	hosts    hosts
	program  func() (string, error)
	packages func() (packages, error)
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	undo := []func() error{shared.hosts.stop}
	shared.program = sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "e2e")
		if err != nil {
			return "", err
		}
		undo = append(undo, func() error { return os.RemoveAll(dir) })
		return build(dir)
	})
	shared.packages = sync.OnceValues(func() (packages, error) {
		dir, err := os.MkdirTemp("", "e2e")
		if err != nil {
			return nil, err
		}
		undo = append(undo, func() error { return os.RemoveAll(dir) })
		return buildPackages(dir, repository, "v1.0.0", "ARCHES=amd64")
	})

	code := m.Run()
	for _, step := range slices.Backward(undo) {
		if err := step(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// build builds the program as it is shipped: static, for any RedHat. It has no
// flags of its own, so that what the other tests compiled is in Go's cache.
func build(dir string) (string, error) {
	path := filepath.Join(dir, "monitor_service")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", path, "monitor_service/cmd/monitor_service")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the program: %w\n%s", err, out)
	}
	return path, nil
}

// hosts are those that no test uses now. Tests mostly wait, and so a few run
// side by side, each on a host of its own.
type hosts struct {
	mu   sync.Mutex
	all  []*host.Host
	free []*host.Host
}

// take returns a free host, booting one where there is none.
func (s *hosts) take() (*host.Host, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		h := s.free[n-1]
		s.free = s.free[:n-1]
		return h, nil
	}
	h, err := host.Start(context.Background(), host.Options{})
	if err == nil {
		s.all = append(s.all, h)
	}
	return h, err
}

func (s *hosts) giveBack(h *host.Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, h)
}

func (s *hosts) stop() error {
	var errs []error
	for _, h := range s.all {
		errs = append(errs, h.Stop())
	}
	return errors.Join(errs...)
}

// newBed is a host that goes from test to test, cleaned of what the test before
// left. It lets the test run beside others: call it first, and once.
func newBed(t *testing.T) *bed {
	t.Helper()
	t.Parallel()
	host.Require(t)
	host.RootFS(t)
	h, err := shared.hosts.take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(h.Report())
		}
		shared.hosts.giveBack(h)
	})
	return prepare(t, h)
}

// ownBed is a host of the test's own, for a test that cannot leave one as it
// was; see newBed.
func ownBed(t *testing.T) *bed {
	t.Helper()
	t.Parallel()
	return prepare(t, host.Boot(t, host.Options{}))
}

func prepare(t *testing.T, h *host.Host) *bed {
	t.Helper()
	b := &bed{Host: h}
	b.reset(t)
	b.Must(t, "journalctl", "--sync") // what the test before left is in it now
	b.began = time.Now()
	return b
}

// reset takes away what a test may have left: the daemon and its files, the
// units in scratchUnits, transient units and what runs in them, rows, tables
// and accounts.
func (b *bed) reset(t *testing.T) {
	t.Helper()
	b.Shell(t, `
		# What a hung daemon would take a minute for is of no interest here.
		systemctl kill --signal=KILL `+daemonUnit+` 2>/dev/null || true
		units=$(find `+scratchUnits+` /run/systemd/transient -maxdepth 1 -name '*.*' -not -name '*.d' -printf '%f\n' 2>/dev/null || true)
		running=$(systemctl list-units --all --no-legend --plain 'w@*.service' | cut -d ' ' -f 1)
		systemctl kill --signal=KILL `+daemonUnit+` $units $running 2>/dev/null || true
		systemctl stop `+daemonUnit+` $units $running 2>/dev/null || true
		rm -rf `+scratchUnits+`/* /etc/systemd/system/`+daemonUnit+` /etc/systemd/system/`+daemonUnit+`.d
		rm -rf `+programPath+` /etc/monitor_service /var/lib/monitor_service `+logPath+`* /srv/*
		systemctl daemon-reload
		systemctl reset-failed
		systemctl start mariadb.service
	`)
	b.SQL(t, `
		DROP DATABASE IF EXISTS v_process_monitor;
		CREATE DATABASE v_process_monitor DEFAULT CHARACTER SET utf8mb4;
		USE v_process_monitor;
		CREATE TABLE STATUS_PROCESS (process_id INT PRIMARY KEY, alarma TINYINT, sound TINYINT, notes TEXT);
		CREATE TABLE PROCESE (process_id INT PRIMARY KEY, process_name VARCHAR(255));
		CREATE OR REPLACE USER monitor@localhost IDENTIFIED BY 'secret';
		GRANT SELECT, UPDATE ON v_process_monitor.* TO monitor@localhost;
		CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'secret';
		GRANT SELECT ON v_process_monitor.* TO reader@localhost;
	`)
}

// install puts the program, its unit file and a configuration where they
// belong. It starts nothing.
func (b *bed) install(t *testing.T, config string) {
	t.Helper()
	program, err := shared.program()
	if err != nil {
		t.Fatal(err)
	}
	b.installProgram(t, program, config)
}

func (b *bed) installProgram(t *testing.T, program, config string) {
	t.Helper()
	b.PutFile(t, program, programPath, 0o755)
	b.PutFile(t, unitFile, "/etc/systemd/system/"+daemonUnit, 0o644)
	b.configure(t, config)
	b.Must(t, "systemctl", "daemon-reload")
}

// configure writes the configuration; the daemon reads it at its next start or
// reload.
func (b *bed) configure(t *testing.T, config string) {
	t.Helper()
	b.Put(t, configPath, config, 0o640)
}

// start installs and starts the daemon.
func (b *bed) start(t *testing.T, config string) {
	t.Helper()
	b.install(t, config)
	b.Must(t, "systemctl", "start", daemonUnit)
}

// unit defines a unit, until the end of the test. It starts nothing.
func (b *bed) unit(t *testing.T, name, content string) {
	t.Helper()
	b.Put(t, scratchUnits+"/"+name, content, 0o644)
	b.Must(t, "systemctl", "daemon-reload")
}

// workers starts services of the template w@.service, one for each instance,
// that do nothing and never end, and returns their names without suffix.
func (b *bed) workers(t *testing.T, instances ...string) []string {
	t.Helper()
	b.unit(t, "w@.service", "[Unit]\nDescription=Worker %i\n[Service]\nExecStart=/bin/sleep infinity\n")
	names := make([]string, len(instances))
	for i, instance := range instances {
		names[i] = "w@" + instance
	}
	b.Must(t, append([]string{"systemctl", "start"}, names...)...)
	return names
}

// invocation identifies one run of a unit: it changes with each start.
func (b *bed) invocation(t *testing.T, unit string) string {
	t.Helper()
	return b.Property(t, unit, "InvocationID")
}

// process starts a program as no service of its own name: a copy of sleep
// under the path, in a transient unit, as a process that some script started.
func (b *bed) process(t *testing.T, path string, args ...string) {
	t.Helper()
	b.Must(t, "install", "-D", "/bin/sleep", path)
	b.Must(t, append([]string{"systemd-run", "--quiet", "--collect", "--", path}, args...)...)
}

// raiseAlarm puts a process into alarm as the system that finds alarms does:
// not acknowledged, the notes left as they are.
func (b *bed) raiseAlarm(t *testing.T, id int, name string) {
	t.Helper()
	b.raiseAlarms(t, map[int]string{id: name})
}

// raiseAlarms raises several alarms in one transaction.
func (b *bed) raiseAlarms(t *testing.T, names map[int]string) {
	t.Helper()
	var s strings.Builder
	s.WriteString("USE v_process_monitor;\nBEGIN;\n")
	for id, name := range names {
		fmt.Fprintf(&s, "REPLACE INTO PROCESE (process_id, process_name) VALUES (%d, %s);\n", id, sqlText(name))
		fmt.Fprintf(&s, "INSERT INTO STATUS_PROCESS (process_id, alarma, sound, notes) VALUES (%d, 1, 0, '')"+
			" ON DUPLICATE KEY UPDATE alarma = 1, sound = 0;\n", id)
	}
	s.WriteString("COMMIT;\n")
	b.SQL(t, s.String())
}

// alarm is a row of STATUS_PROCESS as MariaDB's client prints it, NULL as
// "NULL".
type alarm struct{ alarma, sound, notes string }

func (b *bed) alarmState(t *testing.T, id int) alarm {
	t.Helper()
	row := b.SQL(t, fmt.Sprintf("SELECT alarma, sound, notes FROM v_process_monitor.STATUS_PROCESS WHERE process_id = %d;", id))
	column := strings.SplitN(row, "\t", 3)
	if len(column) != 3 {
		t.Fatalf("no row of STATUS_PROCESS has process_id %d", id)
	}
	return alarm{alarma: column[0], sound: column[1], notes: column[2]}
}

// awaitCleared waits until the alarm of a process is cleared.
func (b *bed) awaitCleared(t *testing.T, id int) {
	t.Helper()
	b.EventuallyIs(t, fmt.Sprintf("alarma of process_id %d", id), host.Limit, "0",
		func() string { return b.alarmState(t, id).alarma })
}

// journalSince returns the matching entries of the journal since the test
// began. It asks by time: journalctl --after-cursor with a match leaves out the
// first entry that matches.
func (b *bed) journalSince(t *testing.T, match ...string) []map[string]any {
	t.Helper()
	began := b.began.UnixMicro()
	since := fmt.Sprintf("--since=@%d.%06d", began/1e6, began%1e6)
	return b.Journal(t, append([]string{since}, match...)...)
}

// sqlText is a string of SQL whatever the text holds.
func sqlText(s string) string {
	return "CONVERT(X'" + hex.EncodeToString([]byte(s)) + "' USING utf8mb4)"
}
