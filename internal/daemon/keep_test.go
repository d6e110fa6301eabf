package daemon

import (
	"maps"
	"testing"

	"monitor_service/internal/history"
)

func TestTheUnitsOfServicesAreKnownFromTheHistory(t *testing.T) {
	got := knownUnits(map[string]history.Recovery{
		"web":  {Strategy: "service", Unit: "web.service"},
		"tool": {Strategy: "process"},
		"own":  {Strategy: "custom", Unit: "own.service"},
	})
	if want := map[string]string{"web": "web.service"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
