package daemon

import (
	"time"

	"github.com/cenkalti/backoff/v5"

	"monitor_service/internal/alarmdb"
	"monitor_service/internal/recovery"
)

const (
	// While the database cannot be polled it is tried again after
	// firstRetry, or after check_interval where that is shorter, then less
	// and less often, at least every lastRetry.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// outage keeps the books of one degraded state: it is said once on the way in
// and once on the way out, however many polls fail in between.
type outage struct {
	since time.Time
	// last is what the last poll failed with.
	last error
	// said holds the classes of errors that were told in this outage, so
	// that a database that comes back and refuses the login is told too.
	said  map[alarmdb.Class]bool
	retry *backoff.ExponentialBackOff
}

// failed notes a failed poll and returns how long to wait for the next one.
func (o *outage) failed(now time.Time, err error, interval time.Duration, emit func(recovery.Event)) time.Duration {
	if o.since.IsZero() {
		o.since = now
	}
	if o.retry == nil {
		o.said = make(map[alarmdb.Class]bool)
		o.retry = backoff.NewExponentialBackOff()
		o.retry.InitialInterval = min(firstRetry, interval)
		o.retry.Multiplier = 2
		// What jitter adds is within the limit.
		o.retry.MaxInterval = time.Duration(float64(lastRetry) / (1 + o.retry.RandomizationFactor))
		o.retry.Reset()
	}
	o.last = err
	if class := alarmdb.Classify(err); !o.said[class] {
		o.said[class] = true
		emit(recovery.Event{Kind: recovery.DatabaseLost, At: now, Err: err, Took: now.Sub(o.since)})
	}
	return o.retry.NextBackOff()
}

// ended notes a poll that was answered.
func (o *outage) ended(now time.Time, emit func(recovery.Event)) {
	if o.since.IsZero() {
		return
	}
	emit(recovery.Event{Kind: recovery.DatabaseBack, At: now, Took: now.Sub(o.since)})
	*o = outage{}
}

// anew begins the books of another database. The outage goes on, if there is
// one: whoever was told of its beginning is told of its end.
func (o *outage) anew() { *o = outage{since: o.since} }

func (o *outage) isOn() bool { return !o.since.IsZero() }
