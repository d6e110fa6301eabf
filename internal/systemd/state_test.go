package systemd

import "testing"

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
	})
	if u.LoadState != LoadUnknown || u.ActiveState != StateUnknown || u.Names != nil || u.InvocationID != "" ||
		u.HasJob || u.MainPID != 0 || u.NRestarts != 0 {
		t.Errorf("got %+v", u)
	}
}

func TestAUnitThatIsNoServiceHasNoPropertiesOfOne(t *testing.T) {
	u := unitOf("a.mount", map[string]any{"Type": "ext4", "Result": "success", "MainPID": uint32(1)})
	if u.Type != "" || u.Result != "" || u.MainPID != 0 {
		t.Errorf("got %+v", u)
	}
}
