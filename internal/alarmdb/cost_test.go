package alarmdb

import (
	"fmt"
	"strings"
	"testing"
)

// allocationsOfARow is how often a poll allocates memory for one more row in
// alarm: a count, the same on every machine.
func allocationsOfARow(t *testing.T, s site) float64 {
	t.Helper()
	db := s.open()
	const few, many = 10, 510
	raise := func(from, to int) {
		var processes, alarms []string
		for i := from; i < to; i++ {
			processes = append(processes, fmt.Sprintf("(%d, 'process-%d')", i, i))
			alarms = append(alarms, fmt.Sprintf("(%d, 1, 0, 'notes')", i))
		}
		s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES " + strings.Join(processes, ", "))
		s.exec("INSERT INTO STATUS_PROCESS (process_id, alarma, sound, notes) VALUES " + strings.Join(alarms, ", "))
	}
	measure := func() float64 {
		poll(t, db) // what is opened and asked once
		return testing.AllocsPerRun(10, func() { poll(t, db) })
	}
	raise(0, few)
	before := measure()
	raise(few, many)
	each := (measure() - before) / (many - few)
	t.Logf("%.2f allocations for each row, %.0f for a poll of %d", each, before, few)
	return each
}

func TestAPollAllocatesLittleForEachRow(t *testing.T) {
	if each := allocationsOfARow(t, newSQLiteSite(t)); each > 13.5 {
		t.Errorf("a poll allocates %.2f times for each row", each)
	}
}
