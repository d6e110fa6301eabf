//go:build e2e

package e2e

import (
	"regexp"
	"strings"
	"testing"

	"monitor_service/internal/testenv/host"
)

var wholeNote = regexp.MustCompile(`^(?: - )?Restarted at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

func TestNULLInEveryNullableColumn(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.SQL(t, `USE v_process_monitor;
		INSERT INTO PROCESE VALUES (1, 'w@1'), (2, NULL), (3, 'w@3');
		INSERT INTO STATUS_PROCESS VALUES (1, 1, NULL, NULL), (2, 1, NULL, NULL), (3, NULL, NULL, NULL);`)
	b.start(t, baseConfig)
	b.awaitCleared(t, 1)
	if notes := b.alarmState(t, 1).notes; !wholeNote.MatchString(notes) {
		t.Errorf("the notes are %q", notes)
	}
	b.Eventually(t, "the nameless row is told", host.Limit, func() bool {
		return len(b.journalSince(t, "MONITOR_REASON=no_name")) == 1
	})
	if got := b.alarmState(t, 2); got.alarma != "1" || got.notes != "NULL" {
		t.Errorf("the nameless row is %+v", got)
	}
	if got := b.Property(t, worker, "ActiveState"); got != "active" {
		t.Errorf("%s is %s", worker, got)
	}
}

func TestNotesAtTheColumnsWidth(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.SQL(t, `USE v_process_monitor;
		ALTER TABLE STATUS_PROCESS MODIFY notes VARCHAR(100);
		INSERT INTO PROCESE VALUES (1, 'w@1');
		INSERT INTO STATUS_PROCESS VALUES (1, 1, 0, REPEAT('é', 100));`)
	b.start(t, baseConfig)
	b.awaitCleared(t, 1)
	notes := []rune(b.alarmState(t, 1).notes)
	if text := string(notes); len(notes) != 100 || !strings.HasPrefix(text, "éé") || !strings.Contains(text, "é - "+noteText) {
		t.Errorf("the notes are %q, %d characters", text, len(notes))
	}
	if n := len(b.starts(t, worker)); n != 2 {
		t.Errorf("the unit was started %d times, want once by the test and once by the daemon", n)
	}
}

func TestTwoRowsWithOneNameAreOneProcess(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.raiseAlarms(t, map[int]string{1: worker, 2: worker})
	b.start(t, baseConfig)
	b.awaitCleared(t, 1)
	b.awaitCleared(t, 2)
	if n := len(b.starts(t, worker)); n != 2 {
		t.Errorf("the unit was started %d times, want once by the test and once by the daemon", n)
	}
	for id := 1; id <= 2; id++ {
		if notes := b.alarmState(t, id).notes; !strings.Contains(notes, noteText) {
			t.Errorf("the notes of row %d are %q", id, notes)
		}
	}
}

func TestAcknowledgedAlarmIsLeftAlone(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	before := b.invocation(t, worker)
	b.SQL(t, `USE v_process_monitor; INSERT INTO PROCESE VALUES (1, 'w@1'); INSERT INTO STATUS_PROCESS VALUES (1, 1, 1, 'mine');`)
	b.start(t, baseConfig)
	b.awaitPolls(t, 5)
	if got, want := b.alarmState(t, 1), (alarm{"1", "1", "mine"}); got != want {
		t.Errorf("the acknowledged row is %+v, want %+v", got, want)
	}
	if after := b.invocation(t, worker); after != before {
		t.Error("the acknowledged process was restarted")
	}
}

func TestAccountThatMayNotWrite(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.start(t, strings.Replace(baseConfig, "user = monitor", "user = reader", 1))
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "read-only is told", host.Limit, func() bool {
		return len(b.journalSince(t, "MONITOR_EVENT=write_back_refused")) == 1
	})
	b.awaitPolls(t, 10)
	if n := len(b.starts(t, worker)); n != 2 {
		t.Errorf("the unit was started %d times while its alarm was not cleared, want once by the test and once by the daemon", n)
	}
	if status := b.Property(t, daemonUnit, "StatusText"); !strings.Contains(status, "read-only") {
		t.Errorf("the status is %q", status)
	}
	// Whoever raised it clears it; the next alarm is a new one.
	b.SQL(t, "UPDATE v_process_monitor.STATUS_PROCESS SET alarma = 0;")
	b.Eventually(t, "the end of the alarm is seen", host.Limit, func() bool { return b.events(t, worker, "alarm_gone") == 1 })
	b.raiseAlarm(t, 1, worker)
	b.Eventually(t, "the next alarm is answered", host.Limit, func() bool { return len(b.starts(t, worker)) == 3 })
	if n := len(b.journalSince(t, "MONITOR_EVENT=write_back_refused")); n != 1 {
		t.Errorf("read-only was told %d times", n)
	}
}

func TestDatabaseThatIsDownAtTheStartAndComesUpLater(t *testing.T) {
	b := newBed(t)
	worker := b.workers(t, "1")[0]
	b.raiseAlarm(t, 1, worker)
	b.Must(t, "systemctl", "stop", "mariadb.service")
	b.start(t, baseConfig) // Type=notify: it returns when READY=1 was sent
	if got := b.Property(t, daemonUnit, "ActiveState"); got != "active" {
		t.Errorf("without its database the daemon is %s", got)
	}
	b.Eventually(t, "the outage is told", host.Limit, func() bool { return len(b.journalSince(t, "MONITOR_EVENT=database_lost")) == 1 })
	b.Eventually(t, "the outage is in the status", host.Limit, func() bool {
		return strings.Contains(b.Property(t, daemonUnit, "StatusText"), "Degraded")
	})
	b.Must(t, "systemctl", "start", "mariadb.service")
	b.awaitCleared(t, 1)
	if n := len(b.journalSince(t, "MONITOR_EVENT=database_lost")); n != 1 {
		t.Errorf("the outage was told %d times", n)
	}
	back := b.journalSince(t, "MONITOR_EVENT=database_back")
	if len(back) != 1 || back[0]["MONITOR_TOOK"] == nil {
		t.Errorf("the end of the outage was told as %v", back)
	}
}
