package daemon

import (
	"runtime"
	"sync"
)

const (
	// threadsPerRecovery are those that a recovery may block at once: one
	// that starts a command and one that waits for it.
	threadsPerRecovery = 2
	// otherThreads are for the runtime itself, the log, the state directory
	// and all else that is not a recovery.
	otherThreads = 16
	// maxSpareThreads bounds what an unusual configuration may ask for.
	maxSpareThreads = 256
)

// spareThreads makes the Go runtime create the threads now that it may need
// later. It keeps them for good, and ends the whole program when it needs one
// and the host has no process id left, or the unit none of its TasksMax: just
// when services fail for the same reason and are to be restarted.
func spareThreads(recoveries int) {
	n := min(runtime.GOMAXPROCS(0)+threadsPerRecovery*recoveries+otherThreads, maxSpareThreads)
	var holding, held sync.WaitGroup
	release := make(chan struct{})
	holding.Add(n)
	for range n {
		held.Go(func() {
			// A goroutine that is locked to its thread leaves it to no other.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			holding.Done()
			<-release
		})
	}
	holding.Wait()
	close(release)
	held.Wait()
}
