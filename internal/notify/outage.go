package notify

import "time"

// outage is the database's, as one channel sees it: it is told once, when it
// has lasted for long enough.
type outage struct {
	since time.Time
	err   error
	told  bool
}

// begin notes that the database cannot be read, and why.
func (o *outage) begin(since time.Time, err error) {
	if o.since.IsZero() {
		o.since = since
	}
	o.err = err
}

// isDue says whether there is an outage that was not told.
func (o *outage) isDue() bool { return !o.since.IsZero() && !o.told }

// until returns how long it is until the outage is to be told, 0 for now or
// never.
func (o *outage) until(now time.Time, after time.Duration) time.Duration {
	if !o.isDue() {
		return 0
	}
	return max(0, o.since.Add(after).Sub(now))
}

// tell marks the outage as told and returns the notice.
func (o *outage) tell(now time.Time) Notice {
	o.told = true
	return databaseUnreachable(now, o.since, o.err)
}
