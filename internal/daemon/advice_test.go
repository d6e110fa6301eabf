package daemon

import (
	"os"
	"strings"
	"testing"

	"monitor_service/internal/alarmdb"
)

func TestAPollThatScansIsToldOnceForEachDatabase(t *testing.T) {
	s, other := newSite(t), newSite(t)
	other.exec("DROP INDEX STATUS_PROCESS_alarm")
	// When the daemon has ended, it has told what it has to tell.
	t.Cleanup(func() {
		log := s.read("log")
		if n := strings.Count(log, "for want of an index"); n != 1 || !strings.Contains(log, alarmdb.AlarmIndex) {
			t.Errorf("told %d times, want once, with the index to add:\n%s", n, log)
		}
	})
	reload, _ := s.run()
	s.raise(1, "here")
	s.await("the database with the index is polled", func() bool { return !s.inAlarm(1) })

	text := strings.ReplaceAll(s.read("config.ini"), s.path("alarms.db"), other.path("alarms.db"))
	if err := os.WriteFile(s.path("config.ini"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for id := range 3 {
		reload <- struct{}{}
		other.raise(id, "elsewhere")
		s.await("the database without it is polled", func() bool { return !other.inAlarm(id) })
		s.await("the missing index is told", func() bool { return strings.Contains(s.read("log"), other.path("alarms.db")+`\"" add=`) })
	}
}
