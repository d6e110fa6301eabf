//go:build e2e

package chaos

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"monitor_service/internal/testenv/host"
)

const (
	daemonUnit   = "monitor_service.service"
	programPath  = "/usr/bin/monitor_service"
	configPath   = "/etc/monitor_service/config.ini"
	evidencePath = "/run/chaos/evidence"
	dropIns      = "/etc/systemd/system/" + daemonUnit + ".d/"
)

// The limits that testdata/config.ini sets.
var limits = Limits{MaxParallel: 4, MaxFailures: 3, ResetTime: 4 * time.Second}

var (
	//go:embed testdata/config.ini
	configuration string
	//go:embed testdata/hook.sh
	hook string
)

// template is the unit of the services. Its start takes a moment, so that two
// at once are seen.
const template = `[Unit]
Description=Service %i
StartLimitIntervalSec=0
[Service]
ExecStartPre=/srv/chaos/hook start c@%i
ExecStart=/bin/sleep infinity
TimeoutStartSec=infinity
`

// stage is a host with the daemon, its processes, and what it takes to break
// them.
type stage struct {
	*host.Host
	t  *testing.T
	db *sql.DB
	// kinds are the processes by name, ids their process_id.
	kinds map[string]Kind
	ids   map[string]int
	// flooded are the alarms of the floods of this round.
	flooded []Alarm
	// clock puts the program with a clock of its own on the host, once.
	clock func()
	// patience is how long alarms may still stand when everything is mended.
	patience time.Duration
}

// newStage boots a host with the program on it. It starts nothing.
func newStage(t *testing.T, program string) *stage {
	t.Helper()
	s := &stage{
		Host: host.Boot(t, host.Options{}), t: t, kinds: map[string]Kind{}, ids: map[string]int{},
		patience: 2 * host.Limit,
	}
	for i := range 10 {
		s.kinds[fmt.Sprint("c@", i)] = Good
	}
	for _, name := range []string{"plain-1", "plain-2", "custom-1"} {
		s.kinds[name] = Good
	}
	s.kinds["c@sick1"], s.kinds["c@sick2"] = Sick, Sick
	s.kinds["c@mine1"], s.kinds["c@mine2"] = Acknowledged, Acknowledged
	s.kinds["c@paused1"], s.kinds["c@paused2"] = Paused, Paused
	id := 0
	for name := range s.kinds {
		id++
		s.ids[name] = id
	}
	s.clock = sync.OnceFunc(func() { s.PutFile(t, buildWithClock(t), clockProgram, 0o755) })
	s.setUpHost(program)
	s.setUpDatabase()
	return s
}

func (s *stage) setUpHost(program string) {
	t := s.t
	t.Helper()
	s.Put(t, "/srv/chaos/hook", hook, 0o755)
	// These are found by name: the interpreter is not to be the process.
	s.Put(t, "/srv/chaos/plain", "#!/bin/bash\nexec -a \"$1\" sleep infinity\n", 0o755)
	s.Put(t, "/srv/chaos/custom", "#!/bin/bash\npkill -x $1\n/srv/chaos/hook start $1\nsetsid /srv/chaos/custom-1 infinity &\n", 0o755)
	s.Put(t, "/etc/systemd/system/c@.service", template, 0o644)
	s.Put(t, "/etc/systemd/system/f@.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/srv/chaos/hook start f@%i\n", 0o644)
	s.Put(t, "/etc/systemd/journald.conf.d/chaos.conf",
		"[Journal]\nStorage=volatile\nRuntimeMaxUse=400M\nRateLimitIntervalSec=0\nForwardToSyslog=no\nForwardToWall=no\n", 0o644)
	s.PutFile(t, program, programPath, 0o755)
	s.PutFile(t, "../../deploy/monitor_service.service", "/etc/systemd/system/"+daemonUnit, 0o644)
	s.Put(t, dropIns+"chaos.conf", "[Service]\nRestartSec=200ms\nWatchdogSec=20\n", 0o644)
	// The database is as quick as it can be to come back.
	s.Put(t, "/etc/systemd/system/mariadb.service.d/chaos.conf", "[Service]\nRestartSec=100ms\nExecStartPost=\n", 0o644)
	s.Put(t, configPath, configuration, 0o640)
	sick := ""
	for name, kind := range s.kinds {
		if kind == Sick {
			sick += " /run/chaos/sick/" + name
		}
	}
	s.Shell(t, `
		systemctl restart systemd-journald
		install -m 0755 /bin/sleep /srv/chaos/custom-1
		mkdir -p /run/chaos/mode /run/chaos/sick /var/log/chaos
		mount -t tmpfs -o size=256k tmpfs /var/log/chaos
		mkdir /var/log/chaos/d
		touch /run/chaos/evidence`+sick+`
		systemctl daemon-reload`)
}

func (s *stage) setUpDatabase() {
	s.t.Helper()
	s.SQL(s.t, `
		SET GLOBAL lock_wait_timeout = 10;
		CREATE DATABASE v_process_monitor DEFAULT CHARACTER SET utf8mb4;
		USE v_process_monitor;
		CREATE TABLE STATUS_PROCESS (process_id INT PRIMARY KEY, alarma TINYINT, sound TINYINT, notes TEXT);
		CREATE TABLE PROCESE (process_id INT PRIMARY KEY, process_name VARCHAR(255));
		CREATE USER monitor@'%' IDENTIFIED BY 'secret';
		GRANT SELECT, UPDATE ON v_process_monitor.* TO monitor@'%';`)
	var rows strings.Builder
	for name, id := range s.ids {
		alarma := 0
		if s.kinds[name] == Acknowledged {
			alarma = 1
		}
		fmt.Fprintf(&rows, "INSERT INTO PROCESE VALUES (%d, '%s'); INSERT INTO STATUS_PROCESS VALUES (%d, %d, %d, '');\n", id, name, id, alarma, alarma)
	}
	s.SQL(s.t, "USE v_process_monitor;\n"+rows.String())
	db, err := s.DB("v_process_monitor")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	s.db = db
}

// build builds the program as it is shipped. Extra arguments are for go build.
func build(t *testing.T, extra ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "monitor_service")
	args := append([]string{"build", "-buildvcs=false", "-o", path}, extra...)
	cmd := exec.Command("go", append(args, "monitor_service/cmd/monitor_service")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	return path
}

// shell is Shell without the end of the test: what is broken is mended before.
// A fault that could not be injected is no fault that was survived.
func (s *stage) shell(script string) {
	s.t.Helper()
	if _, err := s.Run(s.t, "/bin/bash", "-euc", script); err != nil {
		s.t.Errorf("%s: %v", script, err)
	}
}

// sql runs statements, each whatever became of the one before.
func (s *stage) sql(statements ...string) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	for _, statement := range statements {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			s.t.Errorf("%.100s: %v", statement, err)
		}
	}
}

// evidence reads what the hooks wrote.
func (s *stage) evidence(from, to time.Time) []Span {
	s.t.Helper()
	text, err := os.ReadFile(s.Outside(evidencePath))
	if err != nil {
		s.t.Fatal(err)
	}
	steps := map[string]Step{"pre": Pre, "start": Start, "check": Check}
	var spans []Span
	type key struct{ step, name, pid string }
	open := map[key]int{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 5 {
			s.t.Errorf("evidence %q", lines.Text())
			continue
		}
		at, k := microseconds(s.t, strings.Replace(f[0], ".", "", 1)), key{f[2], f[3], f[4]}
		if at.Before(from) || at.After(to) {
			continue
		}
		if f[1] == "begin" {
			open[k] = len(spans)
			spans = append(spans, Span{Process: k.name, Step: steps[k.step], Begin: at})
		} else if i, ok := open[k]; ok {
			spans[i].End, spans[i].OK = at, f[1] == "ok"
		}
	}
	return spans
}

func microseconds(t *testing.T, text string) time.Time {
	t.Helper()
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(us)
}
