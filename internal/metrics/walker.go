package metrics

import (
	"context"
	"sync"

	"monitor_service/internal/proctable"
)

// walk is what one reading of the process table found.
type walk struct {
	byName, byUnit map[string]proctable.Usage
}

// walker reads the process table in a goroutine of its own, since that may hang
// in the kernel, at a process that hangs there. Such a goroutine is left
// behind, and no other is started until it has ended.
type walker struct {
	table Table

	mu sync.Mutex
	// busy is closed at the end of the walk under way, nil where none is.
	busy chan struct{}
}

// walk returns false where the table could not be read until ctx ended.
func (w *walker) walk(ctx context.Context, names, units []string) (walk, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy != nil {
		select {
		case <-w.busy:
		default:
			return walk{}, false
		}
	}
	var found walk
	var err error
	busy := make(chan struct{})
	w.busy = busy
	go func() {
		defer close(busy)
		found.byName, found.byUnit, err = w.table.Usage(names, units, ctx.Err)
	}()
	select {
	case <-busy:
		return found, err == nil
	case <-ctx.Done():
		return walk{}, false
	}
}

// wait returns when no walk is under way, or when ctx ends.
func (w *walker) wait(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy == nil {
		return
	}
	select {
	case <-w.busy:
	case <-ctx.Done():
	}
}
