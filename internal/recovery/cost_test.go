package recovery

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// The tests of this file count what a poll and a process cost. Their limits are
// counts, the same on every machine.

const knownProcesses = 2000

// crowd is a world of paused processes in alarm, which are known and left alone.
func crowd(t *testing.T) (*world, func() []Row) {
	t.Helper()
	w := newWorld(t, "")
	w.engine.Pause(everything, Pause{Since: time.Now()})
	return w, func() []Row {
		rows := make([]Row, knownProcesses)
		for i := range rows {
			rows[i] = Row{ID: int64(i), Process: fmt.Sprint("process-", i), Mark: fmt.Sprint("20:", i)}
		}
		return rows
	}
}

func TestAPollOfKnownProcessesAllocatesLittle(t *testing.T) {
	w, rows := crowd(t)
	w.engine.Cycle(time.Now(), rows())
	again := rows()
	allocations := testing.AllocsPerRun(10, func() { w.engine.Cycle(time.Now(), again) })
	t.Logf("%.2f allocations for each process", allocations/knownProcesses)
	if each := allocations / knownProcesses; each > 1.1 {
		t.Errorf("a poll allocates %.2f times for each known process", each)
	}
}

func TestAKnownProcessTakesNoGoroutineAndLittleMemory(t *testing.T) {
	w, rows := crowd(t)
	goroutines, before := runtime.NumGoroutine(), heap()
	w.engine.Cycle(time.Now(), rows())
	w.mu.Lock()
	w.events = nil // they are the test's
	w.mu.Unlock()
	each := (heap() - before) / knownProcesses
	t.Logf("%d bytes for each process", each)
	if each > 800 {
		t.Errorf("a known process takes %d bytes", each)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines for %d known processes, %d before", n, knownProcesses, goroutines)
	}
}

// heap is what is in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what had a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
