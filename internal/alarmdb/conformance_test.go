package alarmdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv/hostile"
)

// site is a database with the two tables, and the hand of whoever else uses
// it: the system that raises the alarms, and the operator.
type site struct {
	t   *testing.T
	cfg config.Database
	raw *sql.DB
}

func (s site) open() *DB {
	s.t.Helper()
	db, err := Open(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return db
}

func (s site) exec(query string, args ...any) {
	s.t.Helper()
	if _, err := s.raw.ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// raise makes a process that is in alarm.
func (s site) raise(id int, name, notes any) {
	s.t.Helper()
	s.put(id, name, 1, nil, notes)
}

func (s site) put(id int, name, alarma, sound, notes any) {
	s.t.Helper()
	s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES (?, ?)", id, name)
	s.exec("INSERT INTO STATUS_PROCESS (process_id, alarma, sound, notes) VALUES (?, ?, ?, ?)", id, alarma, sound, notes)
}

// row is a row of STATUS_PROCESS as it is, "NULL" for NULL.
func (s site) row(id int) (alarma, sound, notes string) {
	s.t.Helper()
	var a, so, n sql.NullString
	err := s.raw.QueryRowContext(s.t.Context(),
		"SELECT alarma, sound, notes FROM STATUS_PROCESS WHERE process_id = ?", id).Scan(&a, &so, &n)
	if err != nil {
		s.t.Fatal(err)
	}
	show := func(v sql.NullString) string {
		if !v.Valid {
			return "NULL"
		}
		return v.String
	}
	return show(a), show(so), show(n)
}

func (s site) wantRow(id int, alarma, sound, notes string) {
	s.t.Helper()
	a, so, n := s.row(id)
	if got, want := []string{a, so, n}, []string{alarma, sound, notes}; !cmp.Equal(got, want) {
		s.t.Errorf("row %d: %s", id, cmp.Diff(want, got))
	}
}

func poll(t *testing.T, db *DB) []recovery.Row {
	t.Helper()
	rows, err := db.Poll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// alarmOf is the only process in alarm.
func alarmOf(t *testing.T, db *DB) recovery.Alarm {
	t.Helper()
	rows := poll(t, db)
	if len(rows) == 0 {
		t.Fatal("nothing is in alarm")
	}
	return recovery.Alarm{Process: rows[0].Process, Rows: rows}
}

func wantStanding(t *testing.T, db *DB, alarm recovery.Alarm, ids ...int64) []recovery.Row {
	t.Helper()
	rows, err := db.Standing(t.Context(), alarm)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, row := range rows {
		got = append(got, row.ID)
	}
	if !cmp.Equal(got, ids) {
		t.Errorf("standing are %v, want %v", got, ids)
	}
	return rows
}

var restartedAt = time.Date(2026, 11, 23, 2, 49, 46, 999, time.Local)

const restarted = "Restarted at 2026-11-23 02:49:46"

func wantCleared(t *testing.T, db *DB, alarm recovery.Alarm, want int) {
	t.Helper()
	got, err := db.Clear(t.Context(), alarm, restartedAt)
	if err != nil || got != want {
		t.Fatalf("cleared %d rows (%v), want %d", got, err, want)
	}
}

// conform is what every backend has to do in the same way. Each test gets a
// site of its own.
func conform(t *testing.T, newSite func(t *testing.T) site) {
	for name, test := range map[string]func(*testing.T, site){
		"PollFindsWhatIsInAlarmAndNotAcknowledged":    testPoll,
		"EveryNullableColumnMayBeNull":                testNulls,
		"ClearAppendsToTheNotes":                      testClearAppends,
		"RowsOfOneNameAreClearedTogether":             testSeveralRows,
		"OnlyTheRowsOfTheAlarmAreCleared":             testOtherRows,
		"AcknowledgedMeanwhileIsLeftAlone":            testAcknowledged,
		"RaisedAgainMeanwhileIsLeftAlone":             testRaisedAgain,
		"ClearedByItsOwnerIsLeftAlone":                testClearedByOwner,
		"RenamedOrRemovedIsNoLongerTheAlarm":          testRenamed,
		"HostileTextIsData":                           testHostileText,
		"NotesAtTheWidthOfTEXTLoseTheirOldestText":    testFullText,
		"TenThousandAlarmsAreReadAndCleared":          testTenThousand,
		"MoreThanMaxRowsIsAnError":                    testTooManyRows,
		"RowWithoutAWholeNumberStopsNoOther":          testOddRows,
		"CancelledContextEndsEveryMethod":             testCancelled,
		"SchemaMayBeRunAgain":                         testSchemaTwice,
		"StuckWriteBacksLeaveAConnectionForThePoll":   testPollIsNotStarved,
		"EmptyAlarmNeedsNothing":                      testEmptyAlarm,
		"MissingTableAndColumnAreSaidWithTheWayOut":   testMissing,
		"NameOfEveryLengthThatAColumnHoldsIsNotCut":   testLongName,
		"AcknowledgedAlarmsAreListed":                 testAcknowledgedList,
		"NamesAreFoundExactly":                        testNames,
		"ClosedDatabaseIsAnErrorAndNotNoAlarms":       testClosed,
		"DescriptionAndErrorsNeverShowThePassword":    testNoSecrets,
		"NullAndEmptyNotesAreDifferentToTheGuard":     testNullIsNotEmpty,
		"SameLengthDoesNotMakeNotesTheSame":           testSameLength,
		"ClearAgainstTheNotesOfTheFirstPollIsRefused": testStaleMark,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, newSite(t))
		})
	}
}

func testPoll(t *testing.T, s site) {
	id := 0
	var want []int64
	for _, alarma := range []any{nil, 0, 1, 2, -1} {
		for _, sound := range []any{nil, 0, 1, 2} {
			id++
			s.put(id, "p", alarma, sound, "n")
			if alarma == 1 && sound != 1 {
				want = append(want, int64(id))
			}
		}
	}
	s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES (100, 'no status')")
	s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES (-7, 'first')")
	s.exec("INSERT INTO STATUS_PROCESS (process_id, alarma) VALUES (-7, 1)")
	want = append([]int64{-7}, want...)

	var got []int64
	for _, row := range poll(t, s.open()) {
		got = append(got, row.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testNulls(t *testing.T, s site) {
	s.put(1, nil, 1, nil, nil)
	s.put(2, nil, nil, nil, nil)
	db := s.open()
	alarm := alarmOf(t, db)
	if len(alarm.Rows) != 1 || alarm.Process != "" {
		t.Fatalf("got %+v, want one row with no name", alarm)
	}
	wantStanding(t, db, alarm, 1)
	wantCleared(t, db, alarm, 1)
	s.wantRow(1, "0", "NULL", restarted)
	s.wantRow(2, "NULL", "NULL", "NULL")
}

func testClearAppends(t *testing.T, s site) {
	for id, notes := range []any{"down since noon", "", nil} {
		s.raise(id, "p", notes)
	}
	s.exec("UPDATE STATUS_PROCESS SET sound = 0 WHERE process_id = 0")
	db := s.open()
	wantCleared(t, db, alarmOf(t, db), 3)
	s.wantRow(0, "0", "0", "down since noon - "+restarted)
	s.wantRow(1, "0", "NULL", restarted)
	s.wantRow(2, "0", "NULL", restarted)

	// A second restart is appended to the first.
	s.exec("UPDATE STATUS_PROCESS SET alarma = 1 WHERE process_id = 2")
	wantCleared(t, db, alarmOf(t, db), 1)
	s.wantRow(2, "0", "NULL", restarted+" - "+restarted)
}

func testSeveralRows(t *testing.T, s site) {
	s.raise(3, "nginx", "three")
	s.raise(1, "nginx", nil)
	s.raise(2, "nginx", "two")
	db := s.open()
	alarm := alarmOf(t, db)
	wantStanding(t, db, alarm, 1, 2, 3)
	// One of them is acknowledged: the others are cleared all the same.
	s.exec("UPDATE STATUS_PROCESS SET sound = 1 WHERE process_id = 2")
	wantStanding(t, db, alarm, 1, 3)
	wantCleared(t, db, alarm, 2)
	s.wantRow(1, "0", "NULL", restarted)
	s.wantRow(2, "1", "1", "two")
	s.wantRow(3, "0", "NULL", "three - "+restarted)
	wantStanding(t, db, alarm)
}

func testOtherRows(t *testing.T, s site) {
	s.raise(1, "a", "n")
	s.raise(2, "b", "n")
	db := s.open()
	wantCleared(t, db, recovery.Alarm{Process: "a", Rows: alarmOf(t, db).Rows[:1]}, 1)
	s.wantRow(2, "1", "NULL", "n")
}

func testAcknowledged(t *testing.T, s site) {
	s.raise(1, "p", "n")
	db := s.open()
	alarm := alarmOf(t, db)
	s.exec("UPDATE STATUS_PROCESS SET sound = 1")
	wantStanding(t, db, alarm)
	wantCleared(t, db, alarm, 0)
	s.wantRow(1, "1", "1", "n")
}

func testRaisedAgain(t *testing.T, s site) {
	s.raise(1, "p", "first")
	db := s.open()
	alarm := alarmOf(t, db)
	s.exec("UPDATE STATUS_PROCESS SET notes = 'first, and again'")
	wantCleared(t, db, alarm, 0)
	s.wantRow(1, "1", "NULL", "first, and again")

	// What was read again may be cleared.
	alarm.Rows = wantStanding(t, db, alarm, 1)
	wantCleared(t, db, alarm, 1)
	s.wantRow(1, "0", "NULL", "first, and again - "+restarted)
}

func testStaleMark(t *testing.T, s site) {
	s.raise(1, "p", "n")
	db := s.open()
	alarm := alarmOf(t, db)
	wantCleared(t, db, alarm, 1)
	s.exec("UPDATE STATUS_PROCESS SET alarma = 1")
	wantCleared(t, db, alarm, 0)
	s.wantRow(1, "1", "NULL", "n - "+restarted)
}

func testNullIsNotEmpty(t *testing.T, s site) {
	for _, notes := range [][2]any{{nil, ""}, {"", nil}, {"null", nil}, {nil, "null"}} {
		s.raise(1, "p", notes[0])
		db := s.open()
		alarm := alarmOf(t, db)
		s.exec("UPDATE STATUS_PROCESS SET notes = ?", notes[1])
		wantCleared(t, db, alarm, 0)
		s.exec("DELETE FROM STATUS_PROCESS")
		s.exec("DELETE FROM PROCESE")
	}
}

func testSameLength(t *testing.T, s site) {
	s.raise(1, "p", "raised at 10:15")
	db := s.open()
	alarm := alarmOf(t, db)
	for _, notes := range []string{"raised at 10:51", "RAISED AT 10:15", "raised at 10:1\u00e9"} {
		s.exec("UPDATE STATUS_PROCESS SET notes = ?", notes)
		wantCleared(t, db, alarm, 0)
	}
}

func testClearedByOwner(t *testing.T, s site) {
	s.raise(1, "p", "n")
	db := s.open()
	alarm := alarmOf(t, db)
	s.exec("UPDATE STATUS_PROCESS SET alarma = 0")
	wantStanding(t, db, alarm)
	wantCleared(t, db, alarm, 0)
	s.wantRow(1, "0", "NULL", "n")
}

func testRenamed(t *testing.T, s site) {
	s.raise(1, "p", "n")
	s.raise(2, "p", "n")
	db := s.open()
	alarm := alarmOf(t, db)
	s.exec("UPDATE PROCESE SET process_name = 'P' WHERE process_id = 1")
	wantStanding(t, db, alarm, 2)
	s.exec("DELETE FROM STATUS_PROCESS WHERE process_id = 2")
	wantStanding(t, db, alarm)
}

func testHostileText(t *testing.T, s site) {
	var want []string
	for _, h := range hostile.Texts() {
		if utf8.ValidString(h.Text) { // columns of text hold nothing else
			s.raise(len(want), h.Text, h.Text)
			want = append(want, h.Text)
		}
	}
	db := s.open()
	var got []string
	for _, row := range poll(t, db) {
		got = append(got, row.Process)
		alarm := recovery.Alarm{Process: row.Process, Rows: []recovery.Row{row}}
		wantStanding(t, db, alarm, row.ID)
		wantCleared(t, db, alarm, 1)
		s.wantRow(int(row.ID), "0", "NULL", want[row.ID]+" - "+restarted)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testFullText(t *testing.T, s site) {
	old := "oldest" + strings.Repeat("x", 65535-12) + "newest"
	s.raise(1, "p", old)
	db := s.open()
	wantCleared(t, db, alarmOf(t, db), 1)
	want := (old + " - " + restarted)[len(" - "+restarted):]
	if _, _, notes := s.row(1); notes != want {
		t.Errorf("notes are %d bytes: %.20q...%q", len(notes), notes, notes[max(0, len(notes)-50):])
	}
}

func testTenThousand(t *testing.T, s site) {
	const n = 10_000
	s.raiseMany(n)
	s.cfg.QueryTimeout = 5 * time.Minute // The race detector makes it slow.
	db := s.open()
	alarm := alarmOf(t, db)
	if len(alarm.Rows) != n {
		t.Fatalf("polled %d rows, want %d", len(alarm.Rows), n)
	}
	if rows, err := db.Standing(t.Context(), alarm); err != nil || !cmp.Equal(rows, alarm.Rows) {
		t.Fatalf("%d rows are standing (%v), want all as they were", len(rows), err)
	}
	wantCleared(t, db, alarm, n)
	if left := poll(t, db); len(left) != 0 {
		t.Errorf("%d rows are left", len(left))
	}
}

// raiseMany makes n alarms of one process.
func (s site) raiseMany(n int) {
	s.t.Helper()
	const chunk = 5000
	for first := 1; first <= n; first += chunk {
		var names, alarms []string
		for id := first; id < first+chunk && id <= n; id++ {
			names = append(names, fmt.Sprintf("(%d, 'p')", id))
			alarms = append(alarms, fmt.Sprintf("(%d, 1, 'note %d')", id, id))
		}
		s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES " + strings.Join(names, ","))
		s.exec("INSERT INTO STATUS_PROCESS (process_id, alarma, notes) VALUES " + strings.Join(alarms, ","))
	}
}

func testTooManyRows(t *testing.T, s site) {
	db := s.open()
	if db.maxRows != MaxRows {
		t.Errorf("the limit is %d, want %d", db.maxRows, MaxRows)
	}
	db.maxRows = 1000
	s.raiseMany(db.maxRows + 1)
	if rows, err := db.Poll(t.Context()); !errors.Is(err, ErrTooManyRows) || rows != nil {
		t.Errorf("got %d rows and %v, want none and ErrTooManyRows", len(rows), err)
	}
	s.exec("UPDATE STATUS_PROCESS SET alarma = 0 WHERE process_id = 1")
	if rows, err := db.Poll(t.Context()); err != nil || len(rows) != db.maxRows {
		t.Errorf("got %d rows and %v, want %d", len(rows), err, db.maxRows)
	}
}

func testCancelled(t *testing.T, s site) {
	s.raise(1, "p", "n")
	db := s.open()
	alarm := alarmOf(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, pollErr := db.Poll(ctx)
	_, standingErr := db.Standing(ctx, alarm)
	_, clearErr := db.Clear(ctx, alarm, restartedAt)
	for _, err := range []error{pollErr, standingErr, clearErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
	s.wantRow(1, "1", "NULL", "n")
}

func testSchemaTwice(_ *testing.T, s site) {
	s.raise(1, "p", "n")
	s.exec(Schema(s.cfg.Driver))
	s.wantRow(1, "1", "NULL", "n")
}

// testPollIsNotStarved takes every place that write-backs have, as those do
// that wait for somebody's lock.
func testPollIsNotStarved(t *testing.T, s site) {
	s.raise(1, "p", "n")
	db := s.open()
	alarm := alarmOf(t, db)
	for range workers {
		leave, err := db.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		conn, err := db.sql.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	if len(poll(t, db)) != 1 {
		t.Error("the poll does not see the alarm")
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if n, err := db.Clear(ctx, alarm, restartedAt); !errors.Is(err, context.Canceled) {
		t.Errorf("one more write-back: cleared %d (%v), want it to wait for a place", n, err)
	}
}

func testEmptyAlarm(t *testing.T, s site) {
	db := s.open()
	if rows := poll(t, db); len(rows) != 0 {
		t.Errorf("polled %v", rows)
	}
	wantStanding(t, db, recovery.Alarm{Process: "p"})
	wantCleared(t, db, recovery.Alarm{Process: "p"}, 0)
}

func testMissing(t *testing.T, s site) {
	db := s.open()
	for _, breakage := range []string{
		"ALTER TABLE STATUS_PROCESS RENAME COLUMN sound TO loud",
		"DROP TABLE STATUS_PROCESS",
	} {
		s.exec(breakage)
		_, err := db.Poll(t.Context())
		if Classify(err) != Misconfigured || !strings.Contains(err.Error(), "`monitor_service schema") {
			t.Errorf("after %s: %s error %v", breakage, Classify(err), err)
		}
		_, err = db.Clear(t.Context(), recovery.Alarm{Process: "p", Rows: []recovery.Row{{ID: 1}}}, restartedAt)
		if Classify(err) != Misconfigured {
			t.Errorf("clear after %s: %s error %v", breakage, Classify(err), err)
		}
	}
}

func testLongName(t *testing.T, s site) {
	want := strings.Repeat("\U0001F525", 255)
	s.raise(1, want, nil)
	if got := alarmOf(t, s.open()).Process; got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

func testClosed(t *testing.T, s site) {
	s.raise(1, "p", "n")
	db := s.open()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if rows, err := db.Poll(t.Context()); err == nil {
		t.Errorf("polled %v", rows)
	}
}

func testNoSecrets(t *testing.T, s site) {
	s.cfg.Password = config.NewSecret("hunter2")
	s.cfg.Path += ".missing"
	db := s.open()
	_, err := db.Poll(t.Context())
	if err == nil {
		t.Fatal("a wrong password or path is no error")
	}
	for _, text := range []string{err.Error(), db.String(), fmt.Sprintf("%v %+v", db, err)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("shows the password: %s", text)
		}
	}
	if !strings.Contains(err.Error(), db.String()) {
		t.Errorf("error does not say where: %v", err)
	}
}

func TestNoteIsInLocalTime(t *testing.T) {
	utc := restartedAt.In(time.UTC)
	if got := newNote(utc.In(time.FixedZone("elsewhere", 5*3600))); got.bare != restarted || got.appended != " - "+restarted {
		t.Errorf("got %+v", got)
	}
}

func TestOpenConnectsToNothingAndRefusesUnusableSettings(t *testing.T) {
	valid := config.Database{
		Driver: config.DriverMySQL, Host: "db.invalid", Port: 3306, User: "u", Name: "d", TLS: config.TLSOff,
		Password: config.NewSecret("hunter2"), ConnectTimeout: time.Second, QueryTimeout: time.Second,
	}
	db, err := Open(valid)
	if err != nil {
		t.Fatalf("a server that is not there: %v", err)
	}
	if want := `database "d" at "u@db.invalid:3306"`; db.String() != want {
		t.Errorf("described as %s, want %s", db, want)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	missing := t.TempDir() + "/missing"
	for name, change := range map[string]func(*config.Database){
		"driver":   func(c *config.Database) { c.Driver = config.DriverUnknown },
		"tls mode": func(c *config.Database) { c.TLS = config.TLSUnknown },
		"tls_ca":   func(c *config.Database) { c.TLS, c.TLSCA = config.TLSOn, missing },
		"tls_cert": func(c *config.Database) { c.TLS, c.TLSCert, c.TLSKey = config.TLSPreferred, missing, missing },
		"path":     func(c *config.Database) { c.Driver = config.DriverSQLite },
	} {
		cfg := valid
		change(&cfg)
		_, err := Open(cfg)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
	}
}

// TestServerTimeLimitIsNeverOff guards the figures that mean no limit at all.
func TestServerTimeLimitIsNeverOff(t *testing.T) {
	zero := regexp.MustCompile(`(timeout|time) = 0(\.000)? `)
	for _, limit := range []time.Duration{time.Millisecond, time.Second, 1500 * time.Millisecond, math.MaxInt32 * time.Second} {
		if got := sessionSettings(limit); zero.MatchString(got) {
			t.Errorf("%s: %s", limit, got)
		}
	}
}
