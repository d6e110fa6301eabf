//go:build integration

package restart

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/systemd"
	"monitor_service/internal/testenv/bus"
)

// onBus returns a Restarter over a stand-in systemd, as root has it.
func onBus(t *testing.T) (*Restarter, *bus.Bus) {
	t.Helper()
	b := bus.Start(t)
	client := systemd.NewClientWith(b.Dial)
	t.Cleanup(client.Close)
	r := newRestarter(t, client)
	r.transient = true
	r.settle = 50 * time.Millisecond
	return r, b
}

func serviceOrder(unit string, limit time.Duration) recovery.Order {
	p := configured("web", func(p *config.Process) { p.RestartTimeout = limit })
	return orderFor(p, recovery.Target{Strategy: config.StrategyService, Unit: unit})
}

func jobs(b *bus.Bus) string {
	var seen []string
	for _, c := range b.Record() {
		if c.Method != "GetAll" && c.Method != "Get" && c.Method != "ListUnitsByNames" && c.Method != "Subscribe" {
			seen = append(seen, c.Method+" "+c.Unit)
		}
	}
	return strings.Join(seen, ", ")
}

func TestAServiceIsResetAndRestarted(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "web.service"})
	before, _ := b.UnitNow("web.service")
	if err := r.Restart(t.Context(), serviceOrder("web.service", time.Minute)); err != nil {
		t.Fatal(err)
	}
	if after, _ := b.UnitNow("web.service"); after.InvocationID == before.InvocationID {
		t.Error("the unit was not restarted")
	}
	if got := jobs(b); got != "ResetFailedUnit web.service, RestartUnit web.service" {
		t.Errorf("systemd was asked for %s", got)
	}
}

func TestAUnitWithoutAStartOfLateIsNotReset(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "web.service", ActiveUptime: 1})
	if err := r.Restart(t.Context(), serviceOrder("web.service", time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := jobs(b); got != "RestartUnit web.service" {
		t.Errorf("systemd was asked for %s", got)
	}
}

func TestAUnitBeyondItsStartLimitIsRestarted(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "web.service", StartLimit: 1})
	for range 5 {
		if err := r.Restart(t.Context(), serviceOrder("web.service", time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyAJobThatIsDoneIsASuccess(t *testing.T) {
	r, b := onBus(t)
	for _, result := range []string{"failed", "canceled", "timeout", "dependency", "skipped", "assert", "something-new"} {
		b.SetUnit(bus.Unit{Name: "web.service", JobResult: result})
		err := r.Restart(t.Context(), serviceOrder("web.service", time.Minute))
		var job *systemd.JobError
		if !errors.As(err, &job) || job.Result != result {
			t.Errorf("%s: got %v", result, err)
		}
	}
}

// lying is a systemd whose restarts are done without a restart.
type lying struct{ Units }

func (lying) Restart(context.Context, string) error { return nil }

func TestAJobThatIsDoneWithoutARestartIsAFailure(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "web.service"})
	r.units = lying{r.units}
	err := r.Restart(t.Context(), serviceOrder("web.service", time.Minute))
	if err == nil || !strings.Contains(err.Error(), `did not restart unit "web.service"`) {
		t.Errorf("got %v", err)
	}
}

func TestARestartThatTakesTooLongSaysItsLimit(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "web.service", JobHangs: true})
	err := r.Restart(t.Context(), serviceOrder("web.service", 300*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "restart_timeout is 300ms") {
		t.Errorf("got %v", err)
	}
}

func TestAnErrorThatStaysIsPermanent(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "denied.service", Refuse: "org.freedesktop.DBus.Error.AccessDenied"})
	b.SetUnit(bus.Unit{Name: "masked.service", LoadState: "masked"})
	b.SetUnit(bus.Unit{Name: "failing.service", JobResult: "failed"})
	for unit, want := range map[string]bool{
		"denied.service": true, "masked.service": true, "gone.service": true, "failing.service": false,
	} {
		err := r.Restart(t.Context(), serviceOrder(unit, time.Minute))
		if err == nil || errors.Is(err, recovery.ErrPermanent) != want {
			t.Errorf("%s: got %v", unit, err)
		}
	}
}

func TestTheRestartOfAPredecessorIsWaitedForAndCounts(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "web.service", JobHangs: true})
	ctx, stop := context.WithCancel(t.Context())
	interrupted := make(chan error)
	go func() { interrupted <- r.Restart(ctx, serviceOrder("web.service", time.Minute)) }()
	if err := b.AwaitCalls(t.Context(), "RestartUnit", 1); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-interrupted; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	b.ForgetCalls()
	second := make(chan error)
	go func() { second <- r.Restart(t.Context(), serviceOrder("web.service", time.Minute)) }()
	if err := b.AwaitCalls(t.Context(), "ListUnitsByNames", 2); err != nil {
		t.Fatal(err)
	}
	b.FinishJob("web.service", "done")
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	if got := jobs(b); got != "" {
		t.Errorf("systemd was asked for %s", got)
	}
}

func TestAJobThatHangsIsReplaced(t *testing.T) {
	r, b := onBus(t)
	b.SetUnit(bus.Unit{Name: "web.service", JobHangs: true})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		_ = b.AwaitCalls(t.Context(), "RestartUnit", 1)
		stop()
	}()
	_ = r.Restart(ctx, serviceOrder("web.service", time.Minute))
	b.ForgetCalls()
	go func() {
		_ = b.AwaitCalls(t.Context(), "RestartUnit", 1)
		b.FinishJob("web.service", "done")
	}()
	// Half of the limit is spent on waiting for the job that hangs.
	if err := r.Restart(t.Context(), serviceOrder("web.service", 2*time.Second)); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessGetsAUnitOfItsOwn(t *testing.T) {
	r, b := onBus(t)
	p := configured("my app", func(p *config.Process) {
		p.Strategy, p.StartCommand, p.RunAs, p.WorkingDirectory = config.StrategyProcess, "echo $HOME; exec app", "nobody", os.TempDir()
	})
	target, err := r.Resolve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second replaces the unit of the first
		if err := r.Restart(t.Context(), orderFor(p, target)); err != nil {
			t.Fatal(err)
		}
	}
	const name = `monitored-my\x20app.service`
	want := "StartTransientUnit " + name + ", StopUnit " + name + ", ResetFailedUnit " + name + ", StartTransientUnit " + name
	if got := jobs(b); got != want {
		t.Errorf("systemd was asked for %s, want %s", got, want)
	}
	u, _ := b.UnitNow(name)
	for key, want := range map[string]any{
		"User": "nobody", "WorkingDirectory": os.TempDir(), "Type": "simple", "TimeoutStopUSec": uint64(10e6),
		"SyslogIdentifier": `monitored-my\x20app`,
	} {
		if got := u.Transient[key]; got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

func TestACommandThatTakesItsUnitWithItHasFailed(t *testing.T) {
	r, b := onBus(t)
	r.settle = time.Minute
	p := configured("tool", func(p *config.Process) { p.Strategy = config.StrategyProcess })
	go func() {
		_ = b.AwaitCalls(t.Context(), "StartTransientUnit", 1)
		for !b.ChangeUnit("monitored-tool.service", func(*bus.Unit) {}) {
			time.Sleep(time.Millisecond)
		}
		b.RemoveUnit("monitored-tool.service")
	}()
	err := r.Restart(t.Context(), orderFor(p, recovery.Target{Strategy: config.StrategyProcess, Command: "tool"}))
	if err == nil || !strings.Contains(err.Error(), "right after its start") {
		t.Errorf("got %v", err)
	}
}

func TestACommandThatExitsWell(t *testing.T) {
	r, b := onBus(t)
	r.settle = time.Hour
	p := configured("tool", func(p *config.Process) { p.Strategy = config.StrategyProcess })
	go func() {
		_ = b.AwaitCalls(t.Context(), "GetAll", 3)
		b.ChangeUnit("monitored-tool.service", func(u *bus.Unit) { u.SubState = "exited" })
	}()
	if err := r.Restart(t.Context(), orderFor(p, recovery.Target{Strategy: config.StrategyProcess, Command: "tool"})); err != nil {
		t.Error(err)
	}
}

func customOn(line string, limit time.Duration) recovery.Order {
	p := configured("tool", func(p *config.Process) {
		p.Strategy, p.RestartCommand, p.RestartTimeout = config.StrategyCustom, line, limit
	})
	return orderFor(p, recovery.Target{Strategy: config.StrategyCustom, Command: line})
}

func TestARestartCommandRunsInAUnitThatIsCollected(t *testing.T) {
	r, b := onBus(t)
	if err := r.Restart(t.Context(), customOn("restart-it", time.Minute)); err != nil {
		t.Fatal(err)
	}
	const name = "monitored.restart-tool-0.service"
	if got := jobs(b); !strings.HasPrefix(got, "StartTransientUnit "+name+", StopUnit "+name) {
		t.Errorf("systemd was asked for %s", got)
	}
	for _, c := range b.Record() {
		if c.Method == "StartTransientUnit" && (c.Properties["Type"] != "oneshot" || c.Properties["TimeoutStartUSec"] != uint64(70e6)) {
			t.Errorf("started with %v", c.Properties)
		}
	}
	if names := b.UnitNames(); len(names) != 0 {
		t.Errorf("left behind %v", names)
	}
}

func TestARestartCommandThatHangsIsStopped(t *testing.T) {
	r, b := onBus(t)
	const name = "monitored.restart-tool-0.service"
	// The unit is not there yet; this is how it will behave.
	b.SetUnit(bus.Unit{Name: name, LoadState: "not-found", JobHangs: true})
	go func() {
		_ = b.AwaitCalls(t.Context(), "StopUnit", 1)
		b.FinishJob(name, "done")
	}()
	err := r.Restart(t.Context(), customOn("hang", 500*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "time limit of 500ms") || strings.Contains(err.Error(), "could not be ended") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(jobs(b), "StopUnit "+name) {
		t.Errorf("systemd was asked for %s", jobs(b))
	}
}

func TestAStoppingDaemonLeavesTheRestartCommandRunning(t *testing.T) {
	r, b := onBus(t)
	const name = "monitored.restart-tool-0.service"
	b.SetUnit(bus.Unit{Name: name, LoadState: "not-found", JobHangs: true})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		_ = b.AwaitCalls(t.Context(), "StartTransientUnit", 1)
		stop()
	}()
	err := r.Restart(ctx, customOn("takes long", time.Minute))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if strings.Contains(jobs(b), "StopUnit") {
		t.Error("the command was stopped")
	}
}

func TestAProcessThatAUnitHasStartedMeanwhileIsNotEnded(t *testing.T) {
	r, b := onBus(t)
	p := process(daemonName)
	target, err := r.Resolve(t.Context(), p)
	if err != nil || target.Strategy != config.StrategyProcess {
		t.Fatalf("got %+v, %v", target, err)
	}
	b.SetUnit(bus.Unit{Name: "wrapper.service", MainPID: mainPID, Restart: "always"})
	r.table = aTable(t, fakeProcess{pid: mainPID, name: daemonName, group: "/system.slice/wrapper.service"})
	err = r.Restart(t.Context(), orderFor(p, target))
	if !errors.Is(err, recovery.ErrPermanent) || !strings.Contains(err.Error(), "wrapper.service") {
		t.Errorf("got %v", err)
	}
	if got := jobs(b); got != "" {
		t.Errorf("systemd was asked for %s", got)
	}
	// The next recovery restarts the unit.
	if target, err = r.Resolve(t.Context(), p); err != nil || target.Unit != "wrapper.service" {
		t.Fatalf("got %+v, %v", target, err)
	}
	if err := r.Restart(t.Context(), orderFor(p, target)); err != nil {
		t.Fatal(err)
	}
	if got := jobs(b); got != "ResetFailedUnit wrapper.service, RestartUnit wrapper.service" {
		t.Errorf("systemd was asked for %s", got)
	}
}
