package logging

import (
	"sync"
	"time"
)

// retryAfter is how long a log that failed is left alone: long enough that a
// sick disk or a stuck journal does not slow down who logs.
const retryAfter = 5 * time.Second

// sink is a place for log lines that may fail and come back.
type sink struct {
	mu    sync.Mutex
	write func(line []byte) error
	// name says what is written to, where that can change.
	name       func() string
	retryAfter time.Duration

	failing bool
	since   time.Time
	retryAt time.Time
	lost    int
}

// change is what a put changed, for the one who tells it.
type change struct {
	name         string
	began, ended bool
	err          error
	// lost is the number of lines that were not written, and took how long
	// that lasted.
	lost int
	took time.Duration
}

// put writes a line, or counts it as lost. An empty line tries the sink and
// counts nothing.
func (s *sink) put(now time.Time, line []byte) change {
	s.mu.Lock()
	defer s.mu.Unlock()
	var c change
	if s.name != nil {
		c.name = s.name()
	}
	if s.failing && now.Before(s.retryAt) {
		s.count(line)
		return c
	}
	if err := s.write(line); err != nil {
		s.count(line)
		c.began, c.err, c.lost = !s.failing, err, s.lost
		if c.began {
			s.failing, s.since = true, now
		}
		s.retryAt = now.Add(s.retryAfter)
		return c
	}
	if s.failing {
		c.ended, c.lost, c.took = true, s.lost, now.Sub(s.since)
		s.failing, s.lost = false, 0
	}
	return c
}

func (s *sink) count(line []byte) {
	if len(line) > 0 {
		s.lost++
	}
}

func (s *sink) lostSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}
