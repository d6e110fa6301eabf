package systemd

import (
	"testing"
	"time"
)

func TestAStateThatIsNotKnownIsUnknown(t *testing.T) {
	for text, want := range map[string]LoadState{
		"stub": LoadStub, "loaded": LoadLoaded, "not-found": LoadNotFound, "bad-setting": LoadBadSetting,
		"error": LoadError, "merged": LoadMerged, "masked": LoadMasked,
		"": LoadUnknown, "Loaded": LoadUnknown, "generated": LoadUnknown, "unknown": LoadUnknown,
	} {
		if got := parseLoadState(text); got != want || want != LoadUnknown && got.String() != text {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]ActiveState{
		"active": StateActive, "reloading": StateReloading, "inactive": StateInactive, "failed": StateFailed,
		"activating": StateActivating, "deactivating": StateDeactivating, "maintenance": StateMaintenance,
		"refreshing": StateRefreshing,
		"":           StateUnknown, "Active": StateUnknown, "running": StateUnknown, "unknown": StateUnknown,
	} {
		if got := parseActiveState(text); got != want || want != StateUnknown && got.String() != text {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if LoadState(-1).String() != "unknown" || numLoadStates.String() != "unknown" ||
		ActiveState(-1).String() != "unknown" || numActiveStates.String() != "unknown" {
		t.Error("a value outside of the constants has a name")
	}
}

func TestPropertiesOfAnotherTypeAreUnknown(t *testing.T) {
	u := unitOf("a.service", map[string]any{
		"LoadState": 1, "ActiveState": nil, "Names": "a", "InvocationID": "ab", "Job": []any{"1"},
		"MainPID": "1", "NRestarts": int64(1),
	}, time.Hour)
	if u.LoadState != LoadUnknown || u.ActiveState != StateUnknown || u.Names != nil || u.InvocationID != "" ||
		u.HasJob || u.MainPID != 0 || u.NRestarts != 0 {
		t.Errorf("got %+v", u)
	}
}

func TestAUnitThatIsNoServiceHasNoPropertiesOfOne(t *testing.T) {
	u := unitOf("a.mount", map[string]any{"Type": "ext4", "Result": "success", "MainPID": uint32(1)}, time.Hour)
	if u.Type != "" || u.Result != "" || u.MainPID != 0 {
		t.Errorf("got %+v", u)
	}
}

func TestAUnitIsActiveSinceSystemdSaysSo(t *testing.T) {
	for _, c := range []struct {
		state string
		since any
		want  time.Duration
	}{
		{"active", uint64(50e6), 10 * time.Second},
		{"reloading", uint64(50e6), 10 * time.Second},
		{"active", uint64(0), 0},
		{"active", nil, 0},
		{"active", uint64(61e6), 0}, // it became active after it was asked
		{"failed", uint64(50e6), 0},
		{"deactivating", uint64(50e6), 0},
	} {
		u := unitOf("a.service", map[string]any{
			"ActiveState": c.state, "ActiveEnterTimestampMonotonic": c.since,
		}, time.Minute)
		if u.ActiveFor != c.want {
			t.Errorf("%s since %v, asked after a minute: active for %s, want %s", c.state, c.since, u.ActiveFor, c.want)
		}
	}
}

func TestAStartCountsAgainstTheLimitUntilTheIntervalIsOver(t *testing.T) {
	for _, c := range []struct {
		state    string
		interval any
		want     bool
	}{
		{"active", uint64(9e6), true},
		{"active", uint64(10e6), false},
		{"active", uint64(0), true},
		{"active", nil, false},
		{"active", "9", false},
		{"failed", uint64(9e6), false},
		{"failed", uint64(0), true},
	} {
		u := unitOf("a.service", map[string]any{
			"ActiveState": c.state, "ActiveEnterTimestampMonotonic": uint64(50e6), "StartLimitIntervalUSec": c.interval,
		}, time.Minute)
		if u.StartsForgotten != c.want {
			t.Errorf("%s for 10 s, interval %v: forgotten %t, want %t", c.state, c.interval, u.StartsForgotten, c.want)
		}
	}
}

func TestAConditionIsUnmetWhereSystemdHasLookedAtIt(t *testing.T) {
	for _, c := range []struct {
		met, found any
		unmet      bool
		age        time.Duration
	}{
		{false, uint64(50e6), true, 10 * time.Second},
		{false, uint64(61e6), true, 0}, // found between the question and the answer
		{true, uint64(50e6), false, 0},
		{false, uint64(0), false, 0}, // never
		{false, nil, false, 0},
		{nil, uint64(50e6), false, 0},
	} {
		u := unitOf("a.service", map[string]any{"ConditionResult": c.met, "ConditionTimestampMonotonic": c.found}, time.Minute)
		if u.ConditionUnmet != c.unmet || u.ConditionAge != c.age {
			t.Errorf("%v, %v: got %t, %s", c.met, c.found, u.ConditionUnmet, u.ConditionAge)
		}
	}
}
