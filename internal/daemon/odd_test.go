package daemon

import (
	"strings"
	"testing"
)

// SQLite holds any value in a column of type INT.
func TestARowWithoutAWholeNumberIsToldOnceAndStopsNoOther(t *testing.T) {
	s := newSite(t)
	s.exec("DROP TABLE STATUS_PROCESS; DROP TABLE PROCESE")
	s.exec("CREATE TABLE PROCESE (process_id INT PRIMARY KEY, process_name VARCHAR(255))")
	s.exec("CREATE TABLE STATUS_PROCESS (process_id INT PRIMARY KEY, alarma TINYINT, sound TINYINT, notes TEXT)")
	put := func(id any) {
		s.exec("INSERT INTO PROCESE VALUES (?, 'odd')", id)
		s.exec("INSERT INTO STATUS_PROCESS VALUES (?, 1, 0, NULL)", id)
	}
	put(3.5)
	put("abc")
	s.run()
	for id, name := range []string{"web", "mail", "queue"} { // several polls
		s.raise(id+1, name)
		s.await(name+" is answered", func() bool { return !s.inAlarm(id + 1) })
	}
	const told = "Rows in alarm are left alone"
	log := s.read("log")
	if strings.Count(log, told) != 1 || !strings.Contains(log, "count=2") || !strings.Contains(log, "abc") || strings.Contains(log, "Database cannot be read") {
		t.Errorf("told:\n%s", log)
	}
	put("def")
	s.await("the other odd row is told", func() bool { return strings.Count(s.read("log"), told) == 2 })
}
