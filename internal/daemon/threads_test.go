package daemon

import (
	"os"
	"testing"
)

func TestThreadsAreThereBeforeTheyAreNeeded(t *testing.T) {
	const recoveries = 40
	spareThreads(recoveries)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if want := threadsPerRecovery*recoveries + otherThreads; len(tasks) < want {
		t.Errorf("%d threads, want at least %d", len(tasks), want)
	}
}
