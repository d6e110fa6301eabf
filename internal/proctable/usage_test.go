package proctable

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func goOn() error { return nil }

// TestWhatAProcessUsesIsAddedUpByName has two processes of a name burn
// processor time.
func TestWhatAProcessUsesIsAddedUpByName(t *testing.T) {
	name, other := unique("a-process-that-is-busy"), unique("idle")
	began := time.Now()
	const busy = "#!/bin/sh\necho ready\ni=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; read -r line\n"
	for range 2 {
		cmd := exec.Command(executable(t, name, busy))
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		start(t, true, cmd)
	}
	start(t, false, exec.Command(program(t, other), "1000"))
	tab := table(t)
	for deadline := began.Add(time.Minute); ; {
		used, _, err := tab.Usage([]string{name, other, "", "nobody-has-this"}, nil, goOn)
		if err != nil {
			t.Fatal(err)
		}
		one := used[name]
		if one.Processes == 2 && one.CPU >= 2*time.Second/clockTicks && used[other].Processes == 1 && len(used) == 2 {
			if one.CPU > 2*time.Since(began)+time.Second || one.Memory < 2*uint64(os.Getpagesize()) || one.Memory > 1<<30 {
				t.Errorf("it cannot be that they use %+v", one)
			}
			// The clock of the kernel has steps of 10 ms, and the boot time one of 1 s.
			if since := began.Sub(one.Since); since > 2*time.Second || since < -time.Minute {
				t.Errorf("they are said to have started %s before they were", since)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("they use %+v, and the idle one %+v", one, used[other])
		}
	}
}

func TestUsageStopsWhenItIsToldTo(t *testing.T) {
	enough := errors.New("enough")
	if _, _, err := table(t).Usage([]string{"sh"}, nil, func() error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

// TestThisProcessIsNotAddedUp compares with Find, since others may run the
// same program at the same time.
func TestThisProcessIsNotAddedUp(t *testing.T) {
	tab := table(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(self)
	for {
		before := find(t, tab, name)
		used, _, err := tab.Usage([]string{name}, nil, goOn)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, find(t, tab, name)) {
			continue // one has come or gone
		}
		if n := used[name].Processes; n != len(before) {
			t.Errorf("%d processes are added up, %d are found", n, len(before))
		}
		return
	}
}
