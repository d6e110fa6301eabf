package logging

import (
	"time"
)

// retryAfter is how long a log that failed is left alone: long enough that a
// sick disk or a stuck journal does not have to refuse every line. Then it is
// tried again.
const retryAfter = 5 * time.Second

// outage is the account of a log that fails and comes back. It is not safe for
// use by several goroutines.
type outage struct {
	// retryAfter is 0 where each line is tried, and nothing without one.
	retryAfter time.Duration

	failing bool
	since   time.Time
	// retryAt is when to try again, zero where the last write succeeded.
	retryAt time.Time
	lost    int
	// dropped is lost over all outages.
	dropped int
}

// change is what became of a log, for the one who tells it.
type change struct {
	name         string
	began, ended bool
	err          error
	// lost is the number of lines that were not written, and took how long
	// that lasted.
	lost int
	took time.Duration
}

// begin makes the log one that fails. It changes nothing where it failed
// before.
func (o *outage) begin(since time.Time, err error) change {
	if o.failing {
		return change{}
	}
	o.failing, o.since = true, since
	return change{began: true, err: err, lost: o.lost}
}

// end makes the log one that is written again.
func (o *outage) end() change {
	if !o.failing {
		return change{}
	}
	c := change{ended: true, lost: o.lost, took: time.Since(o.since)}
	o.failing, o.lost = false, 0
	return c
}

// count counts a line as lost. An empty one only tries the log.
func (o *outage) count(line []byte) {
	if len(line) > 0 {
		o.lost++
		o.dropped++
	}
}
