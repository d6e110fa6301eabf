package daemon

import (
	"io"
	"io/fs"
	"testing"
	"time"

	"monitor_service/internal/recovery"
)

var (
	errDown   = io.ErrUnexpectedEOF
	errDenied = fs.ErrPermission
)

func TestOutageIsSaidOnceInAndOnceOut(t *testing.T) {
	var o outage
	var kinds []recovery.Kind
	var last recovery.Event
	emit := func(ev recovery.Event) { kinds, last = append(kinds, ev.Kind), ev }
	start := time.Now()

	o.ended(start, emit)
	for i := range 50 {
		o.failed(start.Add(time.Duration(i)*time.Second), errDown, time.Minute, emit)
	}
	if !o.isOn() || len(kinds) != 1 || kinds[0] != recovery.DatabaseLost {
		t.Fatalf("told %v during the outage", kinds)
	}
	o.ended(start.Add(time.Hour), emit)
	o.ended(start.Add(2*time.Hour), emit)
	if o.isOn() || len(kinds) != 2 || last.Kind != recovery.DatabaseBack || last.Took != time.Hour {
		t.Fatalf("told %v, the last one %+v", kinds, last)
	}
	o.failed(start.Add(3*time.Hour), errDown, time.Minute, emit)
	if len(kinds) != 3 {
		t.Errorf("the next outage was not told")
	}
}

func TestAnotherCauseInOneOutageIsSaidToo(t *testing.T) {
	var o outage
	said := 0
	emit := func(recovery.Event) { said++ }
	for range 5 {
		o.failed(time.Now(), errDown, time.Minute, emit)
		o.failed(time.Now(), errDenied, time.Minute, emit)
	}
	if said != 2 {
		t.Errorf("two causes were told %d times", said)
	}
}

func TestRetriesBackOffWithJitterAndAreCapped(t *testing.T) {
	emit := func(recovery.Event) {}
	var longest time.Duration
	different := map[time.Duration]bool{}
	for range 20 {
		var o outage
		first := o.failed(time.Now(), errDown, time.Hour, emit)
		different[first] = true
		if first > 2*firstRetry {
			t.Errorf("the first retry comes after %v", first)
		}
		for range 30 {
			longest = max(longest, o.failed(time.Now(), errDown, time.Hour, emit))
		}
	}
	if longest < lastRetry/2 || longest > lastRetry {
		t.Errorf("the longest pause is %v, want at most %v and not much less", longest, lastRetry)
	}
	if len(different) < 2 {
		t.Error("there is no jitter: daemons that lost one server come back all at once")
	}
	var o outage
	if first := o.failed(time.Now(), errDown, 100*time.Millisecond, emit); first > 200*time.Millisecond {
		t.Errorf("with a short check_interval the first retry comes after %v", first)
	}
}

// Whoever was told that no alarms can be read is told when they can, though it
// is another database by then.
func TestAnOutageEndsWithAnotherDatabase(t *testing.T) {
	var o outage
	var kinds []recovery.Kind
	var last recovery.Event
	emit := func(ev recovery.Event) { kinds, last = append(kinds, ev.Kind), ev }
	start := time.Now()

	o.failed(start, errDown, time.Minute, emit)
	o.anew()
	o.failed(start.Add(time.Minute), errDown, time.Minute, emit)
	if len(kinds) != 2 || last.Kind != recovery.DatabaseLost || last.Took != time.Minute {
		t.Fatalf("the other database's failure: told %v, the last one %+v", kinds, last)
	}
	o.anew()
	o.ended(start.Add(time.Hour), emit)
	if len(kinds) != 3 || last.Kind != recovery.DatabaseBack || last.Took != time.Hour {
		t.Errorf("told %v, the last one %+v", kinds, last)
	}
}
