package notify

import (
	"slices"
	"time"

	"monitor_service/internal/config"
)

// maxNotices bounds the different things that one batch remembers. What is
// beyond is counted and not listed.
const maxNotices = 1000

// batch is what waits to become one message. The same event about the same
// process is one notice, however often it happened.
type batch struct {
	notices []Notice
	index   map[subject]int
	// omitted counts the events that found no place.
	omitted int
	// began is when the first of them came.
	began time.Time
}

// subject is what makes two notices the same one.
type subject struct {
	event   config.NotifyEvent
	over    bool
	process string
}

func subjectOf(n Notice) subject { return subject{n.Event, n.Over, n.Process} }

func newBatch() *batch { return &batch{index: make(map[subject]int)} }

func (b *batch) empty() bool { return len(b.notices) == 0 && b.omitted == 0 }

func (b *batch) add(n Notice, now time.Time) {
	if b.empty() {
		b.began = now
	}
	id := subjectOf(n)
	if i, ok := b.index[id]; ok {
		n.Times += b.notices[i].Times
		b.notices[i] = n
		return
	}
	if len(b.notices) >= maxNotices {
		b.omitted += n.Times
		return
	}
	b.index[id] = len(b.notices)
	b.notices = append(b.notices, n)
}

// merge adds what a later batch holds.
func (b *batch) merge(later *batch) {
	for _, n := range later.notices {
		b.add(n, later.began)
	}
	b.omitted += later.omitted
}

// untold counts what happened and nobody has got. What is only counted goes with
// what is listed.
func (b *batch) untold() int {
	n, listed := 0, false
	for _, notice := range b.notices {
		if len(notice.told) == 0 {
			n += notice.Times
		}
		listed = listed || len(notice.told) > 0
	}
	if !listed {
		n += b.omitted
	}
	return n
}

// told notes that these recipients have got all that is listed.
func (b *batch) told(recipients []string) {
	for i := range b.notices {
		n := &b.notices[i]
		n.told = append(n.told, recipients...)
	}
}

// keep drops every notice that is not wanted, and all that was only counted
// where no notice is left. It returns how many events were dropped that nobody
// has got.
func (b *batch) keep(wanted func(Notice) bool) int {
	before := b.untold()
	b.notices = slices.DeleteFunc(b.notices, func(n Notice) bool { return !wanted(n) })
	if len(b.notices) == 0 {
		b.omitted = 0
	}
	clear(b.index)
	for i, n := range b.notices {
		b.index[subjectOf(n)] = i
	}
	return max(0, before-b.untold())
}

// expire drops what happened before that time.
func (b *batch) expire(before time.Time) int {
	return b.keep(func(n Notice) bool { return n.At.After(before) })
}
