package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"monitor_service/internal/config"
)

// world is what surrounds the engine in the tests: a database that keeps the
// contract's semantics in memory, and a host whose processes fail as told. It
// records what is done to it, so that the tests need not believe the engine.
type world struct {
	t      *testing.T
	engine *Engine

	mu        sync.Mutex
	rows      map[int64]*row
	events    []Event
	restarts  map[string][]time.Time
	clears    map[string][]time.Time
	underWay  map[string]int
	now, most int

	// watches says that checks take no place.
	watches bool

	// The faults.
	standingErr, clearErr func(process string) error
	resolve               func(p config.Process) (Target, error)
	prepare               func(o Order) error
	runs                  func(o Order) []string
	restart               func(ctx context.Context, o Order) error
	check                 func(ctx context.Context, o Order) error
}

type row struct {
	process string
	alarm   bool
	sound   bool
	notes   string
}

const baseConfig = `
[database]
driver = sqlite
path = /var/lib/alarms.db
[monitor]
check_interval = 60
`

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, _, err := config.Parse("config.ini", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// newWorld makes a world with an engine under baseConfig and more lines, which
// begin in section [monitor].
func newWorld(t *testing.T, more string) *world {
	t.Helper()
	w := &world{
		t: t, rows: map[int64]*row{}, restarts: map[string][]time.Time{},
		clears: map[string][]time.Time{}, underWay: map[string]int{},
	}
	w.engine = New(parse(t, baseConfig+more), w, w, w, w.record)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		w.engine.Stop(ctx)
	})
	return w
}

func (w *world) record(ev Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, ev)
}

func (w *world) raise(id int64, process string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows[id] = &row{process: process, alarm: true}
}

func (w *world) with(id int64, change func(*row)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w.rows[id])
}

func (w *world) inAlarm(id int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows[id].alarm
}

// read polls the database.
func (w *world) read() []Row {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []Row
	for id, r := range w.rows {
		if r.alarm && !r.sound {
			rows = append(rows, Row{ID: id, Process: r.process, Mark: r.notes})
		}
	}
	return rows
}

// poll runs one cycle and waits until everything that can happen has.
func (w *world) poll() {
	w.t.Helper()
	w.engine.Cycle(time.Now(), w.read())
	synctest.Wait()
}

// settle runs one cycle and lets time pass until all recoveries have ended.
func (w *world) settle() {
	w.t.Helper()
	w.engine.Cycle(time.Now(), w.read())
	if _, err := w.engine.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	// The next poll is not older than what has just ended.
	time.Sleep(time.Millisecond)
}

func (w *world) Standing(_ context.Context, a Alarm) ([]Row, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.standingErr != nil {
		if err := w.standingErr(a.Process); err != nil {
			return nil, err
		}
	}
	var rows []Row
	for _, want := range a.Rows {
		if r := w.rows[want.ID]; r != nil && r.alarm && !r.sound {
			rows = append(rows, Row{ID: want.ID, Process: r.process, Mark: r.notes})
		}
	}
	return rows, nil
}

func (w *world) Clear(_ context.Context, a Alarm, at time.Time) (int, error) {
	w.mu.Lock()
	fault := w.clearErr
	w.mu.Unlock()
	if fault != nil {
		if err := fault(a.Process); err != nil {
			return 0, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, want := range a.Rows {
		if r := w.rows[want.ID]; r.alarm && !r.sound && r.notes == want.Mark {
			r.alarm = false
			r.notes += fmt.Sprint(" - ", at)
			n++
		}
	}
	w.clears[a.Process] = append(w.clears[a.Process], at)
	return n, nil
}

func (w *world) Resolve(_ context.Context, p config.Process) (Target, error) {
	if w.resolve != nil {
		return w.resolve(p)
	}
	return Target{Strategy: config.StrategyService, Unit: p.Name + ".service"}, nil
}

func (w *world) Prepare(_ context.Context, o Order) error {
	if w.prepare != nil {
		return w.prepare(o)
	}
	return nil
}

func (w *world) Restart(ctx context.Context, o Order) error {
	w.mu.Lock()
	name := o.Process.Name
	if runs := w.runs; !o.Unsure {
		w.mu.Unlock()
		if runs != nil {
			o.Before = runs(o)
		}
		o.Begin(o.Before)
		w.mu.Lock()
	}
	w.restarts[name] = append(w.restarts[name], time.Now())
	w.underWay[name]++
	w.now++
	w.most = max(w.most, w.now)
	if w.underWay[name] > 1 {
		w.t.Errorf("two restarts of %q at once", name)
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.underWay[name]--
		w.now--
	}()
	if w.restart != nil {
		return w.restart(ctx, o)
	}
	return nil
}

func (w *world) Check(ctx context.Context, o Order) error {
	if w.check != nil {
		return w.check(ctx, o)
	}
	return nil
}

func (w *world) Watches(Order) bool { return w.watches }

// restarted says how often a process was restarted.
func (w *world) restarted(process string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.restarts[process])
}

// kinds lists the kinds of the events about a process, in their order.
func (w *world) kinds(process string) []Kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	var kinds []Kind
	for _, ev := range w.events {
		if ev.Process == process {
			kinds = append(kinds, ev.Kind)
		}
	}
	return kinds
}

func (w *world) count(kind Kind) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, ev := range w.events {
		if ev.Kind == kind {
			n++
		}
	}
	return n
}

// reasons lists the reasons for not acting on a process, in their order.
func (w *world) reasons(process string) []Reason {
	w.mu.Lock()
	defer w.mu.Unlock()
	var reasons []Reason
	for _, ev := range w.events {
		if ev.Process == process && ev.Kind == NotActing {
			reasons = append(reasons, ev.Reason)
		}
	}
	return reasons
}

func (w *world) wantKinds(process string, want ...Kind) {
	w.t.Helper()
	if got := w.kinds(process); !slices.Equal(got, want) {
		w.t.Errorf("events of %q:\n got %v\nwant %v", process, got, want)
	}
}

func (w *world) wantRestarts(process string, want int) {
	w.t.Helper()
	if got := w.restarted(process); got != want {
		w.t.Errorf("%q was restarted %d times, want %d", process, got, want)
	}
}

var errBroken = errors.New("it broke")

func always(err error) func(context.Context, Order) error {
	return func(context.Context, Order) error { return err }
}
