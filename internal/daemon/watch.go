package daemon

import (
	"sync"

	"monitor_service/internal/recovery"
)

// watchLength is how many events may wait for a watcher: more than a recovery
// of a hundred attempts has.
const watchLength = 512

// watchers are those who want to hear of a process as it happens.
type watchers struct {
	mu  sync.Mutex
	all map[*watcher]bool
}

// watcher hears of one process until its owner stops it. Its channel is closed
// when it could not keep up.
type watcher struct {
	process string
	events  chan recovery.Event
}

func (w *watchers) watch(process string) *watcher {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[*watcher]bool)
	}
	one := &watcher{process: process, events: make(chan recovery.Event, watchLength)}
	w.all[one] = true
	return one
}

func (w *watchers) stop(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
}

// tell never waits: whoever does not listen is left behind.
func (w *watchers) tell(ev recovery.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		if one.process != ev.Process {
			continue
		}
		select {
		case one.events <- ev:
		default:
			delete(w.all, one)
			close(one.events)
		}
	}
}
