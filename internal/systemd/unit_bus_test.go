//go:build integration

package systemd

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"monitor_service/internal/testenv/bus"

	"github.com/google/go-cmp/cmp"
)

func TestAUnitIsWhatSystemdSaysOfIt(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{
		Name: "httpd.service", Aliases: []string{"apache.service"},
		LoadState: "loaded", ActiveState: "reloading", SubState: "reload",
		Type: "notify", Result: "success", InvocationID: "00112233445566778899aabbccddeeff",
		MainPID: 4711, NRestarts: 3, Restart: "on-failure", KillMode: "mixed", JobHangs: true,
		ActiveSince: time.UnixMicro(1795402186000001), CPU: 1500 * time.Millisecond, Memory: 4096,
	})
	got, err := c.Unit(ctx, "apache.service")
	if err != nil {
		t.Fatal(err)
	}
	want := Unit{
		Name: "apache.service", ID: "httpd.service", Names: []string{"httpd.service", "apache.service"},
		LoadState: LoadLoaded, ActiveState: StateReloading, SubState: "reload",
		Type: "notify", Result: "success", InvocationID: "00112233445566778899aabbccddeeff",
		MainPID: 4711, NRestarts: 3, Restart: "on-failure", KillMode: "mixed",
		ActiveSince: time.UnixMicro(1795402186000001), CPU: 1500 * time.Millisecond, Memory: 4096,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALookSeesWhatItIsFor(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{
		Name: "httpd.service", Aliases: []string{"apache.service"}, InvocationID: "00112233445566778899aabbccddeeff",
		ActiveUptime: 1, Type: "notify", JobHangs: true, JobResult: "done",
	})
	go func() { _ = c.Restart(ctx, "httpd.service") }()
	if err := b.AwaitCalls(ctx, "RestartUnit", 1); err != nil {
		t.Fatal(err)
	}
	b.ForgetCalls()
	got, err := c.State(ctx, "apache.service")
	if err != nil || got.ActiveFor == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	got.ActiveFor = 0
	want := Unit{
		Name: "apache.service", ID: "httpd.service", Names: []string{"httpd.service", "apache.service"},
		LoadState: LoadLoaded, ActiveState: StateActive, SubState: "running",
		InvocationID: "00112233445566778899aabbccddeeff", HasJob: true, StartsForgotten: got.StartsForgotten,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("State (-want +got):\n%s", diff)
	}
	got, err = c.Running(ctx, "apache.service")
	if err != nil || got.ActiveFor == 0 || got.InvocationID != want.InvocationID || got.ActiveState != StateActive || got.Name != want.Name {
		t.Errorf("Running: got %+v, %v", got, err)
	}
	if calls := b.Calls(); calls["GetAll"] > 0 || len(b.Record()) != maxQuestions+3 {
		t.Errorf("systemd was asked for %v", calls)
	}
	b.FinishJob("httpd.service", "done")
}

func TestWhatSystemdDoesNotCountIsZero(t *testing.T) {
	b, c, ctx := setUp(t)
	b.SetUnit(bus.Unit{Name: "bare.service"}) // the stand-in shows 2^64-1, as systemd does
	got, err := c.Unit(ctx, "bare.service")
	if err != nil || got.CPU != 0 || got.Memory != 0 || !got.ActiveSince.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestARestartChangesTheInvocation(t *testing.T) {
	_, c, ctx := setUp(t)
	before, err := c.Unit(ctx, nginx)
	if err != nil {
		t.Fatal(err)
	}
	c.mustRestart(ctx, t, nginx)
	after, err := c.Unit(ctx, nginx)
	if err != nil {
		t.Fatal(err)
	}
	if before.InvocationID == after.InvocationID || len(after.InvocationID) != 32 {
		t.Errorf("%q before, %q after", before.InvocationID, after.InvocationID)
	}
}

func TestAUnitThatSystemdDoesNotKnowIsNoError(t *testing.T) {
	_, c, ctx := setUp(t)
	for _, name := range []string{"missing.service", "missing", "", "a b.service"} {
		for _, look := range []func(context.Context, string) (Unit, error){c.Unit, c.State} {
			u, err := look(ctx, name)
			if err != nil || u.LoadState != LoadNotFound || u.Name != name || u.ActiveState != StateInactive {
				t.Errorf("%.60q: got %.200v, %v", name, u, err)
			}
		}
	}
}

// hostileNames can be no unit; some of them could not even be sent.
var hostileNames = []string{
	"", ".service", "nginx", "nginx.service\x00", "ngi\x00nx.service", "nginx\n.service",
	"\xff\xfe.service", "$(reboot).service", "`reboot`.service", "a;b.service", "../../nginx.service",
	"/org/freedesktop/systemd1", "a b.service", "'a'.service", `"a".service`, "*.service", "nginx.servicé",
	"ünï.service", "@.service", "@a.service", "a@.service", "w@%i.service", strings.Repeat("a", 248) + ".service", strings.Repeat("ä", 1<<20) + ".service",
	"-h\tlocalhost.service", "nginx.service ", "nginx.service/", "nginx.exe",
}

// oddNames look hostile, and systemd could have units of these names.
var oddNames = []string{
	"-rf.service", "..service", "a..b.service", `a\x2db.service`, "user@0.service",
	"a@b@c.service", ":1.23.service", "_.service", "reboot.target", "-.mount", "a.service.service",
}

func TestAHostileNameStaysData(t *testing.T) {
	b, c, ctx := setUp(t)
	for _, name := range hostileNames {
		if u, err := c.Unit(ctx, name); err != nil || u.LoadState != LoadNotFound {
			t.Errorf("%.60q: got %.200v, %v", name, u, err)
		}
		for op, err := range map[string]error{
			"restart": c.Restart(ctx, name), "start": c.Start(ctx, name), "stop": c.Stop(ctx, name),
			"reset": c.ResetFailed(ctx, name), "transient": c.StartTransient(ctx, sleeper(name)),
		} {
			if err == nil {
				t.Errorf("%.60q: %s was done", name, op)
			}
		}
	}
	if calls := b.Record(); len(calls) != 0 {
		t.Errorf("systemd was asked: %v", calls)
	}
	for _, name := range oddNames {
		b.ForgetCalls()
		b.SetUnit(bus.Unit{Name: name})
		if u, err := c.Unit(ctx, name); err != nil || u.ID != name {
			t.Errorf("%.60q: got %.200v, %v", name, u, err)
		}
		if err := c.Restart(ctx, name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		isThis := func(call bus.Call) bool { return call.Unit == name }
		if calls := b.Record(); len(calls) != 2 || !isThis(calls[0]) || !isThis(calls[1]) {
			t.Errorf("%q: systemd was asked for %v", name, calls)
		}
	}
	// The connection has survived all of it.
	c.mustRestart(ctx, t, nginx)
	if !slices.Contains(b.UnitNames(), nginx) {
		t.Error("the unit is gone")
	}
}
