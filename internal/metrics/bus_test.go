//go:build integration

package metrics

import (
	"os"
	"testing"
	"time"

	"monitor_service/internal/proctable"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/bus"
)

// TestARealBusThatComesAndGoes has the units' numbers over a real message bus,
// and a process of the real process table.
func TestARealBusThatComesAndGoes(t *testing.T) {
	b := bus.Start(t)
	client := systemd.NewClientWith(b.Dial)
	t.Cleanup(client.Close)
	table, err := proctable.New()
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	s.host = newHost(client, table)
	b.SetUnit(bus.Unit{
		Name: "nginx.service", Type: "notify", NRestarts: 2, ActiveSince: at, CPU: 1500 * time.Millisecond, Memory: 4096,
	})
	b.SetUnit(bus.Unit{Name: "dead.service", ActiveState: "failed", SubState: "failed"})
	s.now.Processes = []Process{
		{Name: "nginx", Look: true, Unit: "nginx.service"},
		{Name: "dead", Look: true, Unit: "dead.service"},
		{Name: "nobody has this name", Look: true, Unit: "missing.service"},
	}
	there := map[string]float64{
		"bus_up": 1, `process_running{process="nginx"}`: 1, `process_restarts_total{process="nginx"}`: 2,
		`process_cpu_seconds_total{process="nginx"}`: 1.5, `process_memory_bytes{process="nginx"}`: 4096,
		`process_start_time_seconds{process="nginx"}`: float64(at.Unix()),
		`process_running{process="dead"}`:             0, `process_memory_bytes{process="dead"}`: absent,
		`process_running{process="nobody has this name"}`: 0, "processes_unread": 0,
	}
	want(t, s.scrape(), there)
	looks := 0
	for _, c := range b.Record() {
		if c.Method == "GetAll" && c.Unit == "nginx.service" {
			looks++
		}
	}
	if looks != 1 {
		t.Errorf("systemd was asked %d times about one unit", looks)
	}

	gone := map[string]float64{
		"bus_up": 0, `process_running{process="nginx"}`: absent, `process_restarts_total{process="nginx"}`: absent,
		`process_cpu_seconds_total{process="nginx"}`: absent, `process_memory_bytes{process="nginx"}`: absent,
		`process_running{process="dead"}`: absent, "processes_unread": 3, `breaker_state{process="nginx"}`: 0,
	}
	b.Kill()
	want(t, s.scrape(), gone)
	b.Revive()
	want(t, s.scrape(), there)
	b.Freeze()
	want(t, s.scrape(), gone) // after unitsLimit
	b.Thaw()
	want(t, s.scrape(), there)
}

// TestWhatThisTestUsesIsSeen looks at a process that is surely there.
func TestWhatThisTestUsesIsSeen(t *testing.T) {
	table, err := proctable.New()
	if err != nil {
		t.Fatal(err)
	}
	child, err := os.StartProcess("/bin/sleep", []string{"a-process-of-the-metrics-test", "1000"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Kill()
		_, _ = child.Wait()
	})
	s := newStage(t)
	s.host = newHost(nil, table)
	s.now.Processes = []Process{{Name: "a-process-of-the-metrics-test", Look: true}}
	got := s.scrape()
	for ; got[`process_running{process="a-process-of-the-metrics-test"}`] != 1; got = s.scrape() {
		if t.Context().Err() != nil { // until it has become sleep
			t.Fatal(got)
		}
	}
	if m := got[`process_memory_bytes{process="a-process-of-the-metrics-test"}`]; m < 4096 || m > 1<<30 {
		t.Errorf("it uses %v bytes", m)
	}
	if age := float64(time.Now().Unix()) - got[`process_start_time_seconds{process="a-process-of-the-metrics-test"}`]; age < -1 || age > 600 {
		t.Errorf("it is %v seconds old", age)
	}
}
