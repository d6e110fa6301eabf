package daemon

import (
	"strings"
	"testing"

	"monitor_service/internal/control"
)

func (s *site) explain(k *desk, process string) control.Explanation {
	s.t.Helper()
	e, err := k.Explain(s.t.Context(), process)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func TestAnAcknowledgedAlarmIsExplainedAsLeftAloneAndIs(t *testing.T) {
	s := newSite(t)
	s.configure("", "[process.seen]\n[process.half]\n")
	s.raise(1, "seen")
	s.exec("UPDATE STATUS_PROCESS SET sound = 1 WHERE process_id = 1")
	k := s.desk() // no poll may come between the two
	s.poll(k)
	e := s.explain(k, "seen")
	if e.Acts || e.Reason != "acknowledged" || !strings.Contains(e.Verdict, "left alone: its alarm is acknowledged in the database (sound = 1)") || len(e.Steps) == 0 {
		t.Errorf("%+v", e)
	}
	if strings.Contains(strings.Join(e.Stops, "\n"), "acknowledged") {
		t.Errorf("it is said twice: %q", e.Stops)
	}
	if strings.Contains(s.read("log"), "process=seen") {
		t.Errorf("it was acted upon:\n%s", s.read("log"))
	}
	// An acknowledged row keeps nobody from acting upon another one.
	s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES (2, 'half'), (3, 'half')")
	s.exec("INSERT INTO STATUS_PROCESS (process_id, alarma, sound) VALUES (2, 1, 1), (3, 1, 0)")
	s.poll(k)
	s.await("the other row is acted upon", func() bool { return strings.Contains(s.read("log"), "event=recovery_succeeded process=half") })
}

func TestAnAlarmWithinStableTimeIsExplainedAsTheFailureThatItIs(t *testing.T) {
	s := newSite(t)
	s.configure("max_restart_failures = 2\nstable_time = 1h\n", "[process.weak]\n")
	k := s.desk()
	s.raise(1, "weak")
	s.poll(k)
	s.await("it has recovered", func() bool { return strings.Contains(s.read("log"), "event=alarm_cleared process=weak") })
	s.poll(k)
	e := s.explain(k, "weak")
	if !e.Acts || !strings.Contains(e.Verdict, "would be restarted, and the alarm itself would count as failure 1 of 2: its last restart is younger than stable_time") {
		t.Errorf("%+v", e)
	}
	s.raise(1, "weak")
	s.poll(k)
	s.await("it has recovered again, and the failure counts", func() bool {
		return strings.Contains(s.read("log"), "event=flapped process=weak") && !s.inAlarm(1)
	})
	s.poll(k)
	if e = s.explain(k, "weak"); e.Acts || e.Reason != "breaker_open" || !strings.Contains(e.Verdict, "one failure too many, and opens its breaker") {
		t.Errorf("%+v", e)
	}
	s.raise(1, "weak")
	s.poll(k)
	s.await("its breaker opens", func() bool { return strings.Contains(s.read("log"), "event=breaker_opened process=weak") })
}
