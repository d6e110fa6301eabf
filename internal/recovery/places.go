package recovery

import "context"

// maxWatching bounds the recoveries that watch without a place, and with them
// what they hold in memory. More of them keep their places.
const maxWatching = 1000

// places are those that recoveries under way take, of which there are
// max_parallel_restarts. A recovery gives its place back while it only watches
// whether its unit stays up: that is no work for the host, and would hold up
// every alarm that waits for as long as health_check_interval. To restart again
// it needs a place again. It is guarded by the engine's lock.
type places struct {
	taken, watching int
	// returning wait for a place for another attempt, the first one first.
	// A channel is closed when its place is given.
	returning []chan struct{}
}

// Waiting says whether a recovery of the named process waits for a place, how
// many others go before it, and how many places there are.
func (e *Engine) Waiting(name string) (ahead, places int, waits bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.queue {
		if p.stage != queued {
			continue
		}
		if p.name == name {
			return ahead, e.cfg.Monitor.MaxParallelRestarts, true
		}
		ahead++
	}
	return 0, 0, false
}

// watch gives a recovery's place back and says whether it did.
func (e *Engine) watch() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.places.watching == maxWatching {
		return false
	}
	e.places.watching++
	e.places.taken--
	e.dispatch()
	return true
}

// comeBack waits for a place for a recovery that has watched. Those under way
// go before those that wait in the queue, and also while the daemon stops. It
// says whether the recovery has a place: without one, the context has ended.
func (e *Engine) comeBack(ctx context.Context) bool {
	granted := make(chan struct{})
	e.mu.Lock()
	e.places.returning = append(e.places.returning, granted)
	e.dispatch()
	e.mu.Unlock()
	select {
	case <-granted:
		return true
	case <-ctx.Done():
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, waiting := range e.places.returning {
		if waiting == granted {
			e.places.returning = append(e.places.returning[:i], e.places.returning[i+1:]...)
			return false
		}
	}
	return true // it was given at the last moment
}

// giveBack gives places to those who come back, and says whether one is left
// for the queue.
func (e *Engine) giveBack() bool {
	for ; e.places.taken < e.cfg.Monitor.MaxParallelRestarts && len(e.places.returning) > 0; e.places.taken++ {
		close(e.places.returning[0])
		e.places.returning = e.places.returning[1:]
		e.places.watching--
	}
	return e.places.taken < e.cfg.Monitor.MaxParallelRestarts
}

// leave ends a recovery's claim to a place, or to watch without one.
func (e *Engine) leave(watching bool) {
	e.running--
	if watching {
		e.places.watching--
	} else {
		e.places.taken--
	}
}
