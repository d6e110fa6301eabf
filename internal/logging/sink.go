package logging

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// maxLines and maxBytes bound what waits for one log. The alarms of
	// thousands of processes at once are no reason to lose a line.
	maxLines = 1 << 16
	maxBytes = 16 << 20
	// stuckAfter is how long one write may take before it is said.
	stuckAfter = 10 * time.Second
)

var (
	errFull  = errors.New("it takes lines more slowly than they come")
	errStuck = fmt.Errorf("a write has not ended within %s", stuckAfter)
)

// sink is a place for log lines that may fail, or hang, and come back. Lines
// wait in a queue for the one goroutine that writes them; it is there only as
// long as something waits, and flush waits for its end. A write that hangs
// keeps that goroutine, and the lines behind it, but nobody who adds a line.
type sink struct {
	// write is called by the writing goroutine alone, without the mutex.
	write func(line []byte) error
	// tell is called without the mutex, by whoever caused the change.
	tell func(change)

	mu sync.Mutex
	outage
	// name says what is written to, where that can change.
	name string

	queue []task
	bytes int
	// kept is the newest line that could not be written. The sink is tried
	// with it: only a line tells a disk that is full from one that is not.
	kept []byte
	// timer tries the sink again where nobody has anything to say, until
	// it is closed.
	timer  *time.Timer
	closed bool

	// full says that lines are dropped until all that wait are written, so
	// that there is one gap and the line that tells of it stands in it.
	full bool
	// hand is the task under way, since busy; both are zero where there is
	// none.
	hand task
	busy time.Time
	// idle is closed when the writing goroutine ends, nil where there is none.
	idle chan struct{}
}

// task is a line to write, or something else to do in its turn. An empty one
// tries the sink.
type task struct {
	line []byte
	do   func()
}

// add lets a line wait to be written, or counts it as lost. It never blocks.
// An empty line tries the sink and counts nothing.
func (s *sink) add(line []byte) {
	s.report(s.enqueue(line))
}

func (s *sink) enqueue(line []byte) change {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = s.full || len(s.queue) >= maxLines || len(s.queue) > 0 && s.bytes+len(line) > maxBytes
	if s.full {
		s.count(line)
		return s.begin(time.Now(), errFull)
	}
	s.push(task{line: line})
	if !s.busy.IsZero() && time.Since(s.busy) > stuckAfter {
		return s.begin(s.busy, errStuck)
	}
	return change{}
}

// do calls f in its turn, when the lines that wait are written. A later f
// replaces one that no line came after, so that they cannot pile up.
func (s *sink) do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.queue) - 1; last >= 0 && s.queue[last].do != nil {
		s.queue[last].do = f
		return
	}
	s.push(task{do: f})
}

func (s *sink) push(t task) {
	s.queue = append(s.queue, t)
	s.bytes += len(t.line)
	if s.idle == nil {
		s.idle = make(chan struct{})
		go s.work()
	}
}

// work is the writing goroutine.
func (s *sink) work() {
	for {
		t, ok := s.next()
		switch {
		case !ok:
			return
		case t.do != nil:
			t.do()
		default:
			s.put(t.line)
		}
	}
}

// next takes the next task. Where there is none, the writing goroutine has to
// end, and the next task starts another one.
func (s *sink) next() (task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hand, s.busy = task{}, time.Time{}
	if len(s.queue) > 0 {
		s.hand, s.busy = s.queue[0], time.Now()
		s.queue[0] = task{} // the array behind the slice lives on
		s.queue, s.bytes = s.queue[1:], s.bytes-len(s.hand.line)
		return s.hand, true
	}
	if s.full {
		return task{do: s.caughtUp}, true
	}
	close(s.idle)
	s.queue, s.idle = nil, nil
	return task{}, false
}

// put writes a line after the one that is kept, or keeps it instead.
func (s *sink) put(line []byte) {
	kept, due := s.due()
	if due && (kept == nil || s.try(kept)) {
		s.try(line)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(line)
}

// due says whether to write at all, and with which line to begin.
func (s *sink) due() (kept []byte, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing && time.Now().Before(s.retryAt) {
		return nil, false
	}
	kept, s.kept = s.kept, nil
	return kept, true
}

// try writes a line, or keeps it.
func (s *sink) try(line []byte) (ok bool) {
	err := s.write(line)
	s.report(s.written(line, err))
	return err == nil
}

// keep keeps a line, and counts the one before as lost.
func (s *sink) keep(line []byte) {
	if len(line) > 0 {
		s.count(s.kept)
		s.kept = line
	}
}

func (s *sink) written(line []byte, err error) change {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.keep(line)
		s.retryAt = time.Now().Add(s.retryAfter)
		s.wake()
		return s.begin(time.Now(), err)
	}
	s.retryAt = time.Time{}
	if s.full {
		return change{} // not before it has caught up
	}
	return s.end()
}

// wake has the sink tried at retryAt, whether there is a line then or not.
func (s *sink) wake() {
	if s.closed || s.retryAfter == 0 {
		return
	}
	if s.timer != nil {
		s.timer.Reset(s.retryAfter)
		return
	}
	s.timer = time.AfterFunc(s.retryAfter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failing && !s.closed {
			s.push(task{})
		}
	})
}

// close ends the timer. Lines are still written.
func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// caughtUp lets lines wait again.
func (s *sink) caughtUp() {
	s.mu.Lock()
	s.full = false
	var c change
	if s.retryAt.IsZero() {
		c = s.end()
	}
	s.mu.Unlock()
	s.report(c)
}

func (s *sink) report(c change) {
	if !c.began && !c.ended {
		return
	}
	s.mu.Lock()
	c.name = s.name
	s.mu.Unlock()
	s.tell(c)
}

// moved says that the sink is a new place, which is tried at once.
func (s *sink) moved(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.retryAt = name, time.Now()
}

// flush waits until nothing waits, and says whether it came to that. A
// goroutine that hangs in the kernel cannot be ended: it is left behind.
func (s *sink) flush(ctx context.Context) bool {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle == nil {
		return true
	}
	select {
	case <-idle:
		return true
	case <-ctx.Done():
		return false
	}
}

// unwritten is the number of lines that are lost, or may yet be.
func (s *sink) unwritten() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.lost
	for _, t := range append([]task{s.hand, {line: s.kept}}, s.queue...) {
		if len(t.line) > 0 {
			n++
		}
	}
	return n
}
