//go:build bench

// Program profiled is the daemon with a CPU profile of its whole life and a
// heap profile of its end, written into the directory that $BENCH_PROFILE
// names. Only the benchmark builds it.
package main

import (
	"os"
	"path/filepath"
	"runtime/pprof"

	"monitor_service/internal/cli"
)

func main() {
	os.Exit(run(os.Getenv("BENCH_PROFILE")))
}

func run(dir string) int {
	stop := profile(dir)
	defer stop()
	return cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
}

// profile begins the CPU profile and returns what ends it. A profile that
// cannot be written is none.
func profile(dir string) (stop func()) {
	cpu, err := os.Create(filepath.Join(dir, "cpu.pprof"))
	if err != nil || pprof.StartCPUProfile(cpu) != nil {
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		_ = cpu.Close()
		if heap, err := os.Create(filepath.Join(dir, "heap.pprof")); err == nil {
			_ = pprof.Lookup("allocs").WriteTo(heap, 0)
			_ = heap.Close()
		}
	}
}
