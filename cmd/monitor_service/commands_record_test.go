package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/history"
)

// asProgram, set to 1, makes this test binary the program itself.
const asProgram = "README_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
	}
	// What is shown has its zone in it. It is set here, since no goroutine
	// reads it yet.
	time.Local = time.UTC
	os.Exit(m.Run())
}

// shownConfig has a process for each thing that there is to be shown.
const shownConfig = `[database]
driver = sqlite
path = DIR/alarms.db

[monitor]
check_interval = 1h             # it polls when it is asked to
max_restart_failures = 2

[logging]
file = none

[control]
socket = DIR/c.sock

[process.default]
restart_strategy = custom
restart_command = true
health_check_command = true
max_attempts = 2
restart_delay = 0
health_check_timeout = 1

[process.demo-web]
priority = 10

[process.demo-feeds]
restart_command = while ! test -e DIR/go-on; do sleep 0.05; done

[process.demo-mail]
max_attempts = 1
pre_restart_command = test -d /
health_check_command = echo 'connect to port 25: Connection refused'; exit 1

[process.demo-batch]
health_check_command = echo 'batch: the spool is full'; exit 1

[process.demo-search]
`

// recorded is what the real daemon answered. What belongs to this run and this
// machine is replaced: times and durations, users, places, the database, the
// version and the daemon's process id. Nothing else is made up.
type recorded struct {
	status  control.Status
	history control.History
	// answers are those to everything else, by the command without its
	// --for and --reason.
	answers map[string]answer
}

// answer is one of these.
type answer struct {
	explanation control.Explanation
	done        control.Done
	steps       []control.Progress
	err         *control.Error
}

// recorder asks the daemon and keeps what it answers.
type recorder struct {
	t      *testing.T
	db     *sql.DB
	client *control.Client
	*recorded
}

// record runs the real daemon on an embedded database, brings each process into
// its state, and asks.
func record(t *testing.T) *recorded {
	t.Helper()
	dir, err := os.MkdirTemp("", "readme") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	db := alarms(t, dir)
	r := &recorder{t: t, db: db, client: runDaemon(t, dir), recorded: &recorded{answers: map[string]answer{}}}
	r.prepare()
	r.look()
	r.steer()
	if err := os.WriteFile(filepath.Join(dir, "go-on"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.ended("demo-feeds", 1)
	r.atHome(t, dir)
	return r.recorded
}

// prepare brings each process into its state.
func (r *recorder) prepare() {
	r.t.Helper()
	r.raise("demo-web", "demo-batch")
	r.ended("demo-web", 1)
	r.ended("demo-batch", 1)
	r.pause("demo-search")
	// The last poll: another one would open the breaker of demo-mail.
	r.raise("demo-feeds", "demo-search", "demo-mail")
	r.ended("demo-batch", 2)
	r.became("demo-batch", control.Open)
	r.ended("demo-mail", 1)
	r.became("demo-mail", control.Failing)
	r.became("demo-feeds", control.Recovering)
}

// look asks what changes nothing.
func (r *recorder) look() {
	r.t.Helper()
	var err error
	if r.status, err = r.client.Status(r.t.Context(), ""); err != nil {
		r.t.Fatal(err)
	}
	if r.history, err = r.client.History(r.t.Context(), "", 100); err != nil {
		r.t.Fatal(err)
	}
	names := []string{unknownName}
	for _, p := range r.status.Processes {
		names = append(names, p.Name)
	}
	for _, name := range names {
		e, err := r.client.Explain(r.t.Context(), name)
		r.keep("explain "+name, answer{explanation: e}, err)
	}
}

// steer makes the changes that are shown, in the order in which they are shown.
// demo-mail comes first: each of the polls that follow would bring it into
// another state.
func (r *recorder) steer() {
	r.t.Helper()
	parts := shownParts()
	for _, part := range steeredParts() {
		switch part {
		case "all": // what was reset has failed again by then, and is left alone
			r.opens("demo-mail")
			r.opens("demo-batch")
		case "recovering":
			r.ended("demo-mail", 3) // that of its reset
		}
		for _, c := range parts[part] {
			r.do(strings.Fields(c.args))
		}
	}
}

// do asks for one change, as its command would.
func (r *recorder) do(args []string) {
	r.t.Helper()
	process := ""
	if len(args) > 1 && args[1] != "--all" {
		process = args[1]
	}
	switch args[0] {
	case "restart":
		r.restart(process, slices.Contains(args, "--force"))
	case "pause":
		r.pause(process)
	case "resume":
		r.resume(process)
	case "reset":
		r.reset(process)
	case "check-now":
		d, err := r.client.CheckNow(r.t.Context())
		r.keep("check-now", answer{done: d}, err)
	}
}

// opens polls until a process has failed for often enough.
func (r *recorder) opens(process string) {
	r.t.Helper()
	await(r.t, process+" is open again", func() bool {
		r.must(r.client.CheckNow(r.t.Context()))
		s, err := r.client.Status(r.t.Context(), process)
		return err == nil && s.Processes[0].State == control.Open
	})
}

// keep keeps an answer.
func (r *recorder) keep(command string, a answer, err error) {
	r.t.Helper()
	if err != nil && !errors.As(err, &a.err) {
		r.t.Fatal(err)
	}
	r.answers[command] = a
}

func (r *recorder) must(_ control.Done, err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// target is a process, or all of them.
func target(process string) control.Target {
	return control.Target{Process: process, All: process == ""}
}

// argument is how a command names it.
func argument(process string) string { return cmp.Or(process, "--all") }

func (r *recorder) restart(process string, force bool) {
	r.t.Helper()
	var a answer
	end, err := r.client.Restart(r.t.Context(), control.RestartRequest{Process: process, Force: force},
		func(p control.Progress) { a.steps = append(a.steps, p) })
	a.steps = append(a.steps, end)
	r.keep(restartOf(process, force), a, err)
}

func restartOf(process string, force bool) string {
	if force {
		return "restart " + process + " --force"
	}
	return "restart " + process
}

func (r *recorder) reset(process string) {
	r.t.Helper()
	d, err := r.client.Reset(r.t.Context(), target(process))
	r.keep("reset "+argument(process), answer{done: d}, err)
}

func (r *recorder) resume(process string) {
	r.t.Helper()
	d, err := r.client.Resume(r.t.Context(), target(process))
	r.keep("resume "+argument(process), answer{done: d}, err)
}

func (r *recorder) pause(process string) {
	r.t.Helper()
	d, err := r.client.Pause(r.t.Context(), control.PauseRequest{Target: target(process), Seconds: shownPause.Seconds(), Why: shownWhy})
	r.keep("pause "+argument(process), answer{done: d}, err)
}

// raise puts processes into alarm, and has it seen by one poll.
func (r *recorder) raise(processes ...string) {
	r.t.Helper()
	for _, p := range processes {
		if _, err := r.db.ExecContext(r.t.Context(), "UPDATE STATUS_PROCESS SET alarma = 1 WHERE process_id = (SELECT process_id FROM PROCESE WHERE process_name = ?)", p); err != nil {
			r.t.Fatal(err)
		}
	}
	r.must(r.client.CheckNow(r.t.Context()))
}

// became waits until a process is in a state, and the history knows what brought
// it there: a breaker is told after the recovery has ended.
func (r *recorder) became(process string, want control.State) {
	r.t.Helper()
	await(r.t, process+" is "+string(want), func() bool {
		s, err := r.client.Status(r.t.Context(), process)
		if err != nil || s.Processes[0].State != want {
			return false
		}
		last := s.Processes[0].Last
		return want != control.Open || last != nil && last.Afterwards == "breaker_opened"
	})
}

// ended waits until a process has had n recoveries and the last one is over.
func (r *recorder) ended(process string, n int) {
	r.t.Helper()
	await(r.t, process+" has recovered or not", func() bool {
		h, err := r.client.History(r.t.Context(), process, 10)
		return err == nil && len(h.Recoveries) == n && !slices.ContainsFunc(h.Recoveries, func(e history.Recovery) bool {
			return e.Outcome == history.Running || e.Outcome == history.Succeeded && e.Afterwards == ""
		})
	})
}

// alarms makes a database with a row for each process.
func alarms(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "alarms.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	script := alarmdb.Schema(config.DriverSQLite)
	for i, name := range []string{"demo-web", "demo-feeds", "demo-mail", "demo-batch", "demo-search", "demo-legacy"} {
		acknowledged := 0
		if name == "demo-legacy" {
			acknowledged = 1
		}
		script += fmt.Sprintf("INSERT INTO PROCESE VALUES (%[1]d, '%[2]s'); INSERT INTO STATUS_PROCESS VALUES (%[1]d, %[3]d, %[3]d, NULL);\n", 17+i, name, acknowledged)
	}
	if _, err := db.ExecContext(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	return db
}

func runDaemon(t *testing.T, dir string) *control.Client {
	t.Helper()
	path := filepath.Join(dir, "config.ini")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(shownConfig, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(self, "run", "--config", path)
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "STATE_DIRECTORY=" + dir, "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := control.NewClient(filepath.Join(dir, "c.sock"))
	t.Cleanup(func() {
		client.Close()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("the daemon ended with %v, it said:\n%s", err, log.String())
		}
	})
	await(t, "the daemon answers", func() bool {
		s, err := client.Status(context.Background(), "")
		return err == nil && s.Database.Reachable
	})
	return client
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
