//go:build e2e

package chaos

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load raises alarms as another system does, each with notes of its own, and
// keeps the ledger of what became of them.
type load struct {
	s *stage
	// raising says whether new alarms are raised, and pause after how long
	// at most for a process that is well again.
	raising atomic.Bool
	pause   time.Duration
	// again says that alarms are raised again while they stand.
	again bool

	mu      sync.Mutex
	serial  int
	alarms  []*Alarm
	current map[string]*Alarm
	due     map[string]time.Time
	random  *rand.Rand
}

func newLoad(s *stage, random *rand.Rand) *load {
	return &load{s: s, pause: time.Second, again: *faultsFlag > 0, current: map[string]*Alarm{}, due: map[string]time.Time{}, random: random}
}

// begin forgets what has ended, at the beginning of a round.
func (l *load) begin(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alarms = nil
	for process, a := range l.current {
		if !a.Cleared.IsZero() {
			delete(l.current, process)
			continue
		}
		// It stands from one round to the next, and is acted upon.
		a.Raised = at
		l.alarms = append(l.alarms, a)
	}
	slices.SortFunc(l.alarms, func(a, b *Alarm) int { return cmp.Compare(a.Serial, b.Serial) })
}

// ledger returns the alarms in the order in which they were raised.
func (l *load) ledger() []Alarm {
	l.mu.Lock()
	defer l.mu.Unlock()
	alarms := make([]Alarm, len(l.alarms))
	for i, a := range l.alarms {
		alarms[i] = *a
	}
	return alarms
}

// standing counts the alarms of good processes that are not cleared.
func (l *load) standing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for process, a := range l.current {
		if a.Cleared.IsZero() && l.s.kinds[process] == Good {
			n++
		}
	}
	return n
}

func (l *load) run(ctx context.Context) {
	for ctx.Err() == nil {
		// An error is the database's: it is looked at again.
		_ = l.look(ctx)
		time.Sleep(50 * time.Millisecond)
	}
}

// look reads all rows, notes what has changed and raises what is due.
func (l *load) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	rows, err := l.s.db.QueryContext(ctx, `SELECT p.process_name, COALESCE(s.alarma, 0), COALESCE(s.notes, '')
		FROM STATUS_PROCESS s JOIN PROCESE p ON p.process_id = s.process_id WHERE s.process_id < 1000`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var due []string
	for rows.Next() {
		var process, notes string
		var alarma int
		if err := rows.Scan(&process, &alarma, &notes); err != nil {
			return err
		}
		if l.note(process, alarma == 1, notes) {
			due = append(due, process)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, process := range due {
		if err := l.raise(ctx, process); err != nil {
			return err
		}
	}
	return nil
}

// note compares a row with the ledger and says whether its alarm is to be
// raised, be it that the last try to raise it was not heard.
func (l *load) note(process string, alarmed bool, notes string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	kind := l.s.kinds[process]
	if kind != Good && kind != Sick {
		return false
	}
	a := l.current[process]
	if a == nil {
		return l.raising.Load() && !time.Now().Before(l.due[process])
	}
	is := strings.HasPrefix(notes, mark(a))
	switch {
	case is && !alarmed:
		a.Cleared, a.Notes = time.Now(), notes
		delete(l.current, process)
		l.due[process] = time.Now().Add(time.Duration(l.random.Int64N(int64(l.pause))))
	case !is:
		return true
	case kind == Good && l.again && l.raising.Load() && l.random.IntN(raisedAgain) == 0:
		// It has happened again: whoever is at the one before must not
		// clear this one.
		a.Replaced = true
		delete(l.current, process)
		return true
	}
	return false
}

// raisedAgain is in how many looks at a standing alarm it is raised again once.
const raisedAgain = 100

func (l *load) raise(ctx context.Context, process string) error {
	l.mu.Lock()
	a := l.current[process]
	if a == nil {
		l.serial++
		// A statement that was not heard of may have been carried out: one
		// that is made again raises no other alarm.
		again := false
		for _, before := range slices.Backward(l.alarms) {
			if before.Process == process {
				again = before.Replaced
				break
			}
		}
		a = &Alarm{Process: process, Serial: l.serial, Raised: time.Now(), Again: again}
		l.alarms, l.current[process] = append(l.alarms, a), a
	}
	l.mu.Unlock()
	// The guard makes nothing of a statement that was not heard of and is
	// carried out late.
	_, err := l.s.db.ExecContext(ctx, `UPDATE STATUS_PROCESS SET alarma = 1, sound = 0, notes = ?
		WHERE process_id = ? AND COALESCE(notes, '') NOT LIKE ?`, mark(a), l.s.ids[process], mark(a)+"%")
	return err
}

// mark begins the notes of an alarm and of no other.
func mark(a *Alarm) string { return fmt.Sprintf("#%d;", a.Serial) }

// cleared counts the alarms that were cleared.
func (l *load) cleared() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, a := range l.alarms {
		if !a.Cleared.IsZero() {
			n++
		}
	}
	return n
}
