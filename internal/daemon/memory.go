package daemon

import "runtime/debug"

// heapGrowth is by how much of what is in use the heap may grow, in percent,
// until it is swept. Go's own is 100: a daemon that knows ten thousand processes
// would keep as much again for garbage. It makes garbage slowly.
const heapGrowth = 50

// spareMemory makes the Go runtime keep the heap small. Its setting is of the
// whole program.
func spareMemory() { debug.SetGCPercent(heapGrowth) }
