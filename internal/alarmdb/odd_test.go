package alarmdb

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"monitor_service/internal/config"
)

// oddTables has SQLite hold any value, as it does where process_id is INT
// PRIMARY KEY instead of INTEGER, and MySQL those of another type.
func (s site) oddTables() (odd []any, shown []string) {
	s.t.Helper()
	kind := "INT"
	odd, shown = []any{3.5, "abc", strings.Repeat("x", 1000), 1e300}, []string{`"3.5"`, `"1e+300"`, `"abc"`, `"` + strings.Repeat("x", oddBytes) + `"`}
	if s.cfg.Driver == config.DriverMySQL {
		kind = "DOUBLE"
		odd, shown = []any{3.5, 1e300}, []string{`"3.5"`, `"1e+300"`}
	}
	s.exec("DROP TABLE STATUS_PROCESS")
	s.exec("DROP TABLE PROCESE")
	s.exec("CREATE TABLE PROCESE (process_id " + kind + " PRIMARY KEY, process_name VARCHAR(255))")
	s.exec("CREATE TABLE STATUS_PROCESS (process_id " + kind + " PRIMARY KEY, alarma TINYINT, sound TINYINT, notes TEXT)")
	return odd, shown
}

func (s site) raiseOdd(id any) {
	s.t.Helper()
	s.exec("INSERT INTO PROCESE (process_id, process_name) VALUES (?, 'p')", id)
	s.exec("INSERT INTO STATUS_PROCESS (process_id, alarma, notes) VALUES (?, 1, 'odd')", id)
}

func testOddRows(t *testing.T, s site) {
	odd, shown := s.oddTables()
	s.raise(1, "p", "n")
	s.raise(7, "p", "n")
	for _, id := range odd {
		s.raiseOdd(id)
	}
	db := s.open()
	alarm := alarmOf(t, db)
	wantStanding(t, db, alarm, 1, 7)
	if diff := cmp.Diff(Odd{Count: len(odd), Values: shown}, db.Odd()); diff != "" {
		t.Errorf("left out: %s", diff)
	}
	wantCleared(t, db, alarm, 2)
	s.wantRow(1, "0", "NULL", "n - "+restarted)
	for range 2 {
		if rows := poll(t, db); len(rows) != 0 || db.Odd().Count != len(odd) {
			t.Errorf("polled %v and left %+v out", rows, db.Odd())
		}
	}

	s.exec("UPDATE STATUS_PROCESS SET sound = 1 WHERE notes = 'odd'")
	if rows, err := db.Acknowledged(t.Context(), 100); err != nil || len(rows) != 0 {
		t.Errorf("acknowledged are %v (%v)", rows, err)
	}
	if poll(t, db); db.Odd().Count != 0 {
		t.Errorf("left out %+v, which is acknowledged", db.Odd())
	}

	// Whatever is left out counts as a row that was read.
	s.exec("UPDATE STATUS_PROCESS SET alarma = 1, sound = 0")
	db.maxRows = len(odd) + 1
	if _, err := db.Poll(t.Context()); !errors.Is(err, ErrTooManyRows) {
		t.Errorf("got %v, want ErrTooManyRows", err)
	}
}

func TestOddRowsAreShownInPart(t *testing.T) {
	var o Odd
	for range 1000 {
		o.add([]byte("abc"))
	}
	if o.Count != 1000 || len(o.Values) != oddShown {
		t.Errorf("%d are counted and %d shown", o.Count, len(o.Values))
	}
}

func TestWholeNumbersOfEveryTypeAreTold(t *testing.T) {
	for _, v := range []any{int64(7), uint64(7), float32(7), 7.0, "7", []byte("7")} {
		if n, ok := wholeNumber(v); !ok || n != 7 {
			t.Errorf("%T %v is %d, %t", v, v, n, ok)
		}
	}
	for _, v := range []any{
		nil, true, uint64(math.MaxUint64), 7.5, math.NaN(), math.Inf(1), math.Inf(-1), float64(math.MaxInt64),
		"", "7.5", " 7", "0x7", "99999999999999999999", []byte("abc"),
	} {
		if n, ok := wholeNumber(v); ok {
			t.Errorf("%T %v is %d", v, v, n)
		}
	}
}
