package alarmdb

import (
	"strings"
	"testing"

	"monitor_service/internal/config"
)

func (s site) wantScans(want bool) {
	s.t.Helper()
	got, err := s.open().PollScans(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if got != want {
		s.t.Errorf("a poll that scans for want of an index: %t, want %t", got, want)
	}
}

func TestSQLitePollWithoutTheIndexIsKnownToScan(t *testing.T) {
	s := newSQLiteSite(t)
	s.raise(1, "nginx", nil)
	s.wantScans(false)
	s.exec("DROP INDEX STATUS_PROCESS_alarm")
	s.wantScans(true)
	s.exec("CREATE INDEX by_sound ON STATUS_PROCESS (sound, alarma)")
	s.wantScans(true)
	s.exec(AlarmIndex)
	s.wantScans(false)
}

func TestEverySchemaPrintsItsIndex(t *testing.T) {
	for _, d := range []config.Driver{config.DriverMySQL, config.DriverSQLite} {
		text := strings.ReplaceAll(Schema(d), "IF NOT EXISTS ", "")
		if !strings.Contains(text, AlarmIndex+";") {
			t.Errorf("the schema of %s does not say how to add the index to tables that are there", d)
		}
	}
}
