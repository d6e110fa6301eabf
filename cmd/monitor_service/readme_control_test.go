package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
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
	"monitor_service/internal/cli"
	"monitor_service/internal/config"
	"monitor_service/internal/control"
	"monitor_service/internal/history"
	"monitor_service/internal/recovery"
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
pre_restart_command = test -w /
health_check_command = echo 'connect to port 25: Connection refused'; exit 1

[process.demo-batch]
health_check_command = echo 'batch: the spool is full'; exit 1

[process.demo-search]
`

// recorded is what the real daemon answered, with the times and places of this
// machine replaced: nothing else is made up.
type recorded struct {
	status       control.Status
	history      control.History
	explanations map[string]control.Explanation
	restart      []control.Progress
	done         map[string]control.Done
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
	client := runDaemon(t, dir)
	ctx := t.Context()
	r := &recorded{explanations: map[string]control.Explanation{}, done: map[string]control.Done{}}
	do := func(d control.Done, err error) control.Done {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	raise := func(process string) {
		t.Helper()
		if _, err := db.ExecContext(ctx, "UPDATE STATUS_PROCESS SET alarma = 1 WHERE process_id = (SELECT process_id FROM PROCESE WHERE process_name = ?)", process); err != nil {
			t.Fatal(err)
		}
		do(client.CheckNow(ctx))
	}
	ended := func(process string, n int) {
		t.Helper()
		await(t, process+" has recovered or not", func() bool {
			h, err := client.History(ctx, process, 10)
			return err == nil && len(h.Recoveries) == n && !slices.ContainsFunc(h.Recoveries, func(e history.Recovery) bool {
				return e.Outcome == history.Running || e.Outcome == history.Succeeded && e.Afterwards == ""
			})
		})
	}
	raise("demo-web")
	ended("demo-web", 1)
	raise("demo-batch")
	ended("demo-batch", 1)
	do(client.CheckNow(ctx))
	ended("demo-batch", 2)
	r.done["pause"] = do(client.Pause(ctx, control.PauseRequest{
		Target: control.Target{Process: "demo-search"}, Seconds: 7200, Why: "new disks",
	}))
	raise("demo-feeds")
	await(t, "demo-feeds is recovering", func() bool {
		s, err := client.Status(ctx, "demo-feeds")
		return err == nil && s.Processes[0].State == control.Recovering
	})
	raise("demo-search")
	raise("demo-mail") // the last, as a second poll would open its breaker
	ended("demo-mail", 1)
	if r.status, err = client.Status(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if r.history, err = client.History(ctx, "", 100); err != nil {
		t.Fatal(err)
	}
	for _, p := range r.status.Processes {
		if r.explanations[p.Name], err = client.Explain(ctx, p.Name); err != nil {
			t.Fatal(err)
		}
	}
	end, err := client.Restart(ctx, control.RestartRequest{Process: "demo-batch", Force: true}, func(p control.Progress) { r.restart = append(r.restart, p) })
	if err != nil {
		t.Fatal(err)
	}
	r.restart = append(r.restart, end)
	if err := os.WriteFile(filepath.Join(dir, "go-on"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ended("demo-feeds", 1)
	r.atHome(t, dir)
	return r
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

// shownNow is the time in the README, and shownBegan when the recoveries of
// each process began before it.
var (
	shownNow   = time.Date(2026, 11, 23, 2, 49, 46, 0, time.UTC)
	shownBegan = map[string][]time.Duration{
		"demo-web":   {50 * time.Minute},
		"demo-batch": {20 * time.Minute, 15 * time.Minute},
		"demo-mail":  {40 * time.Second},
		"demo-feeds": {3 * time.Second},
	}
)

const (
	shownDir = "/etc/monitor_service"
	// shownTook is how long an attempt took, and shownRestart its restart.
	shownTook, shownRestart = 1200 * time.Millisecond, 200 * time.Millisecond
)

// atHome replaces what differs from run to run and from machine to machine.
func (r *recorded) atHome(t *testing.T, dir string) {
	t.Helper()
	for _, v := range []any{&r.status, &r.explanations} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(bytes.ReplaceAll(text, []byte(dir), []byte(shownDir)), v); err != nil {
			t.Fatal(err)
		}
	}
	s := &r.status
	s.Now, s.Started, s.Version, s.PID = shownNow, shownNow.Add(-3*time.Hour), "v1.0.0", 812
	s.Database.Name = `database "v_process_monitor" at "monitor@localhost"`
	s.Database.LastPoll, s.Database.NextPoll = shownNow.Add(-3*time.Second), shownNow.Add(297*time.Second)
	s.Database.CheckInterval = 300
	for i := range s.Processes {
		s.Processes[i] = shownProcess(s.Processes[i])
	}
	seen := map[string]int{}
	for i := range r.history.Recoveries {
		e := &r.history.Recoveries[i]
		*e = shownRecovery(*e, seen[e.Process])
		seen[e.Process]++
	}
	slices.SortStableFunc(r.history.Recoveries, func(a, b history.Recovery) int { return a.Began.Compare(b.Began) })
	for name, e := range r.explanations {
		e.Now = shownProcess(e.Now)
		for i := range e.Stops {
			e.Stops[i] = onTheClock(e.Stops[i], shownNow)
		}
		e.Verdict = onTheClock(e.Verdict, shownNow)
		r.explanations[name] = e
	}
	at := shownNow
	for i := range r.restart {
		p := &r.restart[i]
		switch {
		case p.Event == "restarted":
			p.Seconds = shownRestart.Seconds()
		case p.Event == "attempt_failed":
			p.Seconds = (shownTook - shownRestart).Seconds()
		case p.Seconds > 0:
			p.Seconds = 2 * shownTook.Seconds()
		}
		p.At = at
		if p.Attempt > 0 && p.Event != "recovery_failed" {
			at = at.Add(time.Duration(p.Seconds * float64(time.Second)))
		}
		// It opens at the end of the recovery, for all of circuit_reset_time.
		p.Message = onTheClock(p.Message, at.Add(15*time.Minute))
	}
	for name, d := range r.done {
		d.Message = onTheClock(d.Message, shownNow)
		r.done[name] = d
	}
}

// onTheClock puts the time that a text of this moment is about in the place of
// the one that it has: the end of a pause of two hours, or the next trial of a
// breaker that is half way to it.
func onTheClock(text string, now time.Time) string {
	end := now.Add(2 * time.Hour)
	if strings.Contains(text, "breaker") {
		end = now.Add(15 * time.Minute)
	}
	return dateTime.ReplaceAllString(text, end.Format(time.DateTime))
}

func shownProcess(p control.Process) control.Process {
	began := shownNow.Add(-time.Minute)
	if list := shownBegan[p.Name]; len(list) > 0 {
		began = shownNow.Add(-list[0])
	}
	if !p.AlarmSince.IsZero() {
		p.AlarmSince = began
	}
	if !p.RecoveringSince.IsZero() {
		p.RecoveringSince = began
	}
	if !p.Breaker.OpenedAt.IsZero() {
		p.Breaker.OpenedAt, p.Breaker.NextTrial = shownNow.Add(-15*time.Minute), shownNow.Add(15*time.Minute)
	}
	if p.Pause != nil {
		p.Pause.By, p.Pause.Since, p.Pause.Until = "root", shownNow, shownNow.Add(2*time.Hour)
	}
	if p.Last != nil {
		last := shownRecovery(*p.Last, len(shownBegan[p.Name])-1)
		p.Last = &last
	}
	return p
}

func shownRecovery(e history.Recovery, n int) history.Recovery {
	e.Began = shownNow.Add(-shownBegan[e.Process][n])
	at := e.Began
	e.Attempts = slices.Clone(e.Attempts)
	for i := range e.Attempts {
		at = at.Add(shownTook)
		e.Attempts[i].Ended, e.Attempts[i].Seconds, e.Attempts[i].RestartSeconds = at, shownTook.Seconds(), shownRestart.Seconds()
	}
	e.Ended, e.Seconds = at, at.Sub(e.Began).Seconds()
	if e.Outcome == history.Running {
		e.Ended, e.Seconds = time.Time{}, shownNow.Sub(e.Began).Seconds()
	}
	return e
}

// replay answers what was recorded, to the real commands.
type replay struct{ *recorded }

func (r replay) Status(_ context.Context, process string) (control.Status, error) {
	s := r.status
	if process != "" {
		s.Processes = slices.DeleteFunc(slices.Clone(s.Processes), func(p control.Process) bool { return p.Name != process })
	}
	return s, nil
}

func (r replay) History(_ context.Context, process string, _ int) (control.History, error) {
	h := r.history
	if process != "" {
		h.Recoveries = slices.DeleteFunc(slices.Clone(h.Recoveries), func(e history.Recovery) bool { return e.Process != process })
	}
	return h, nil
}

func (r replay) Explain(_ context.Context, process string) (control.Explanation, error) {
	return r.explanations[process], nil
}

func (r replay) Restart(_ context.Context, _ recovery.Operator, _ control.RestartRequest, told func(control.Progress) error) error {
	for _, p := range r.restart {
		if err := told(p); err != nil {
			return err
		}
	}
	return nil
}

func (r replay) Pause(context.Context, recovery.Operator, string, time.Duration, string) (control.Done, error) {
	return r.done["pause"], nil
}

func (r replay) Names(context.Context) ([]string, error) { return nil, nil }

func (r replay) Reset(context.Context, recovery.Operator, string) (control.Done, error) {
	return control.Done{}, nil
}

func (r replay) Resume(context.Context, recovery.Operator, string) (control.Done, error) {
	return control.Done{}, nil
}

func (r replay) CheckNow(context.Context, recovery.Operator) (control.Done, error) {
	return control.Done{}, nil
}

func (r replay) Refused(recovery.Operator) {}

// operators shows what the commands print for a recovering, a failing, an
// open, a paused, an acknowledged and a recovered process.
func operators(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "readme")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := record(t)
	server, err := control.Listen(filepath.Join(dir, "c.sock"), "no such group", replay{r})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })

	var b strings.Builder
	for _, args := range [][]string{
		{"status"},
		{"status", "demo-batch"},
		{"pause", "demo-search", "--for", "2h", "--reason", "new disks"},
		{"history"},
		{"explain", "demo-batch"},
		{"explain", "demo-mail"},
		{"restart", "demo-batch", "--force"},
		{"status", "demo-feeds", "--json"},
	} {
		var out bytes.Buffer
		status := cli.Main(append(slices.Clone(args), "--socket", server.Path()), nil, &out, &out)
		if args[len(args)-1] == "new disks" {
			args[len(args)-1] = `"new disks"`
		}
		fmt.Fprintf(&b, "$ monitor_service %s\n%s", strings.Join(args, " "), out.String())
		if want := map[string]int{"restart": 1}[args[0]]; status != want {
			t.Errorf("%q ended with %d:\n%s", args, status, out.String())
		}
		b.WriteByte('\n')
	}
	return "```\n" + strings.TrimSpace(b.String()) + "\n```"
}
