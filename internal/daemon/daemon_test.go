package daemon

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

// site is a directory with an SQLite database and a configuration for it.
type site struct {
	t   *testing.T
	dir string
	db  *sql.DB
}

// base is the configuration of a site, to which process sections are added.
const base = `[database]
driver = sqlite
path = %[1]s/alarms.db
[monitor]
check_interval = 100ms
%[2]s
[logging]
file = %[1]s/log
[control]
socket = none
[process.default]
restart_strategy = custom
restart_command = echo %%s >> %[1]s/restarted
health_check_command = true
max_attempts = 1
`

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	db, err := sql.Open("sqlite", s.path("alarms.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	s.db = db
	t.Cleanup(func() { _ = db.Close() })
	s.exec(alarmdb.Schema(config.DriverSQLite))
	s.configure("", "")
	return s
}

// environ keeps a daemon of the tests off the host's own places.
func (s *site) environ() []string {
	return []string{"STATE_DIRECTORY=" + s.path("state"), "RUNTIME_DIRECTORY=" + s.dir}
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) exec(query string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Exec(query, args...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) configure(monitor, more string) {
	s.t.Helper()
	if err := os.WriteFile(s.path("config.ini"), fmt.Appendf(nil, base+more, s.dir, monitor), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) raise(id int, name string) {
	s.t.Helper()
	s.exec("INSERT OR REPLACE INTO PROCESE (process_id, process_name) VALUES (?, ?)", id, name)
	s.exec("INSERT OR REPLACE INTO STATUS_PROCESS (process_id, alarma, sound) VALUES (?, 1, 0)", id)
}

func (s *site) inAlarm(id int) bool {
	s.t.Helper()
	var alarm bool
	if err := s.db.QueryRow("SELECT alarma FROM STATUS_PROCESS WHERE process_id = ?", id).Scan(&alarm); err != nil {
		s.t.Fatal(err)
	}
	return alarm
}

func (s *site) read(name string) string {
	text, err := os.ReadFile(s.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *site) daemon() *Daemon {
	s.t.Helper()
	d, err := New(Options{
		ConfigPath: s.path("config.ini"), Version: "test", Environ: s.environ(),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// run runs the daemon until the test ends and returns what it may be asked.
func (s *site) run() (reload, pollNow chan<- struct{}) {
	s.t.Helper()
	return s.start(s.daemon())
}

func (s *site) start(d *Daemon) (reload, pollNow chan<- struct{}) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	again, now := make(chan struct{}, 1), make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, Requests{Reload: again, PollNow: now}) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the daemon ended with %v", err)
		}
	})
	return again, now
}

func (s *site) await(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: did not happen; the log:\n%s", what, s.read("log"))
		}
	}
}

func TestOnceFinishesItsRecoveriesAndSaysWhetherTheyFailed(t *testing.T) {
	s := newSite(t)
	s.raise(1, "good")
	if err := s.daemon().Once(t.Context()); err != nil {
		t.Errorf("a good recovery: %v", err)
	}
	if s.inAlarm(1) || s.read("restarted") != "good\n" {
		t.Errorf("in alarm %t, restarted %q", s.inAlarm(1), s.read("restarted"))
	}
	s.configure("", "[process.bad]\nhealth_check_command = false\nhealth_check_timeout = 100ms\n")
	s.raise(2, "bad")
	if err := s.daemon().Once(t.Context()); err == nil || !strings.Contains(err.Error(), "1 recoveries failed") {
		t.Errorf("a failed recovery: %v", err)
	}
	for _, kind := range []recovery.Kind{recovery.NotActing, recovery.RecoveryPostponed} {
		d := s.daemon()
		d.emit(recovery.Event{Kind: kind, Process: "away", Reason: recovery.ReasonAway})
		s.exec("UPDATE STATUS_PROCESS SET alarma = 0")
		if err := d.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "1 recoveries failed") {
			t.Errorf("%s for want of systemd: %v", kind, err)
		}
	}
	s.exec("DROP TABLE STATUS_PROCESS")
	if err := s.daemon().Once(t.Context()); err == nil || !strings.Contains(err.Error(), "STATUS_PROCESS") {
		t.Errorf("a failed poll: %v", err)
	}
}

func TestDryRunTouchesNothing(t *testing.T) {
	s := newSite(t)
	s.raise(1, "good")
	d, err := New(Options{ConfigPath: s.path("config.ini"), DryRun: true, Environ: s.environ()})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Once(t.Context()); err != nil {
		t.Error(err)
	}
	if !s.inAlarm(1) || s.read("restarted") != "" {
		t.Errorf("in alarm %t, restarted %q", s.inAlarm(1), s.read("restarted"))
	}
	if log := s.read("log"); !strings.Contains(log, "reason=dry_run") {
		t.Errorf("the log does not say it:\n%s", log)
	}
}

func TestBadReloadLeavesTheOldConfigurationInForce(t *testing.T) {
	s := newSite(t)
	reload, _ := s.run()
	s.configure("chek_interval = 1", "")
	reload <- struct{}{}
	s.await("the mistake is told", func() bool { return strings.Contains(s.read("log"), "the old one stays") })
	s.raise(1, "good")
	s.await("the old configuration is in force", func() bool { return !s.inAlarm(1) })

	s.configure("unconfigured_processes = ignore", "")
	reload <- struct{}{}
	s.await("the reload is told", func() bool { return strings.Contains(s.read("log"), "Configuration reloaded") })
	s.raise(2, "stranger")
	s.await("the new configuration is in force", func() bool { return strings.Contains(s.read("log"), "reason=unconfigured") })
}

func TestReloadMayChangeTheDatabase(t *testing.T) {
	s, other := newSite(t), newSite(t)
	reload, _ := s.run()
	other.raise(1, "elsewhere")
	text := strings.ReplaceAll(s.read("config.ini"), s.path("alarms.db"), other.path("alarms.db"))
	if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	reload <- struct{}{}
	other.await("the other database's alarm is answered", func() bool { return !other.inAlarm(1) })
}

func TestPollNowDoesNotWaitForTheInterval(t *testing.T) {
	s := newSite(t)
	text := strings.Replace(s.read("config.ini"), "check_interval = 100ms", "check_interval = 24h", 1)
	if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, pollNow := s.run()
	s.raise(1, "good")
	pollNow <- struct{}{}
	s.await("the alarm is answered", func() bool { return !s.inAlarm(1) })
}

func TestPollsGoOnWhileARecoveryIsUnderWay(t *testing.T) {
	s := newSite(t)
	s.configure("", fmt.Sprintf("[process.slow]\nrestart_command = touch %[1]s/begun; until [ -e %[1]s/end ]; do sleep 0.05; done\n", s.dir))
	s.run()
	s.raise(1, "slow")
	exists := func(name string) bool {
		_, err := os.Stat(s.path(name))
		return err == nil
	}
	s.await("a recovery is under way", func() bool { return exists("begun") })
	s.raise(2, "good")
	s.await("an alarm that was raised meanwhile is answered", func() bool { return !s.inAlarm(2) })
	if !s.inAlarm(1) {
		t.Error("the recovery was over before: the test shows nothing")
	}
	if err := os.WriteFile(s.path("end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.await("the recovery ends", func() bool { return !s.inAlarm(1) })
}

func TestDatabaseThatIsMissingIsAnOutageAndNoEnd(t *testing.T) {
	s := newSite(t)
	s.raise(1, "good")
	if err := os.Rename(s.path("alarms.db"), s.path("away.db")); err != nil {
		t.Fatal(err)
	}
	s.run()
	s.await("the outage is told", func() bool { return strings.Contains(s.read("log"), "event=database_lost") })
	if err := os.Rename(s.path("away.db"), s.path("alarms.db")); err != nil {
		t.Fatal(err)
	}
	s.await("the alarm is answered", func() bool { return !s.inAlarm(1) })
	if log := s.read("log"); strings.Count(log, "event=database_lost") != 1 || strings.Count(log, "event=database_back") != 1 {
		t.Errorf("the outage was not told once in and once out:\n%s", log)
	}
}

func TestOneDaemonAtATimeWorksOnADatabase(t *testing.T) {
	s := newSite(t)
	environ := []string{"RUNTIME_DIRECTORY=" + t.TempDir(), "STATE_DIRECTORY=" + s.path("state")}
	open := func(dryRun bool) (*Daemon, error) {
		return New(Options{ConfigPath: s.path("config.ini"), Environ: environ, DryRun: dryRun})
	}
	first, err := open(false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(false); err == nil || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("a second daemon: %v", err)
	}
	dry, err := open(true)
	if err != nil {
		t.Fatalf("a dry run beside it: %v", err)
	}
	if err := errors.Join(dry.Once(t.Context()), first.Once(t.Context())); err != nil {
		t.Fatal(err)
	}
	next, err := open(false)
	if err != nil {
		t.Fatalf("after the first one's end: %v", err)
	}
	if err := next.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestADryRunThatBecomesMoreByReloadIsADaemonToo is about the same lock.
func TestADryRunThatBecomesMoreByReloadIsADaemonToo(t *testing.T) {
	s := newSite(t)
	live := s.daemon()
	s.configure("dry_run = yes", "")
	reload, _ := s.run()
	said := map[string]int{}
	reloadSays := func(text string) {
		t.Helper()
		said[text]++
		reload <- struct{}{}
		s.await(text, func() bool { return strings.Count(s.read("log"), text) == said[text] })
	}
	daemonBeside := func(when string, may bool) {
		t.Helper()
		s.configure("", "")
		d, err := New(Options{ConfigPath: s.path("config.ini"), Environ: s.environ()})
		if (err == nil) != may {
			t.Errorf("another daemon %s: %v", when, err)
		}
		if err == nil {
			if err := d.Once(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	s.configure("", "")
	reloadSays("Configuration not reloaded")
	if err := live.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	daemonBeside("beside the dry run", true)
	for range 2 {
		reloadSays("Configuration reloaded")
		daemonBeside("after the reload", false)
	}
	s.configure("dry_run = yes", "")
	reloadSays("Configuration reloaded")
	daemonBeside("after the way back", true)
}

// TestReloadOfAPasswordRestartsNothing is about what is not cleared yet: the
// rows are the same ones after it.
func TestReloadOfAPasswordRestartsNothing(t *testing.T) {
	s := newSite(t)
	change := func(timeout int) {
		text := strings.Replace(fmt.Sprintf(base, s.dir, ""), "[monitor]",
			fmt.Sprintf("clear_alarm = no\nquery_timeout = %d\n[monitor]", timeout), 1)
		if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change(10)
	reload, _ := s.run()
	s.raise(1, "good")
	s.await("the process is restarted", func() bool { return strings.Contains(s.read("log"), "reason=not_yet_cleared") })
	for i := range 3 {
		change(11 + i)
		reload <- struct{}{}
		s.await("the reload is told", func() bool { return strings.Count(s.read("log"), "Configuration reloaded") == i+1 })
		s.await("a poll follows it", func() bool { return strings.Count(s.read("log"), "reason=not_yet_cleared") == i+2 })
	}
	if got := s.read("restarted"); got != "good\n" {
		t.Errorf("restarted %q, want once", got)
	}
}

func TestOnceOwesTheWriteBackThatFailed(t *testing.T) {
	s := newSite(t)
	s.raise(1, "good")
	s.exec("CREATE TRIGGER no BEFORE UPDATE ON STATUS_PROCESS BEGIN SELECT RAISE(ABORT, 'no'); END")
	if err := s.daemon().Once(t.Context()); err == nil || !strings.Contains(err.Error(), "could not be cleared") {
		t.Errorf("it said %v", err)
	}
}
