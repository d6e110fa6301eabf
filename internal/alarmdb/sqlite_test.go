package alarmdb

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

func newSQLiteSite(t *testing.T) site {
	t.Helper()
	// Characters that mean something in a URI are none of ours.
	return sqliteSiteAt(t, filepath.Join(t.TempDir(), "alarms %41?x=1#y&mode=memory.db"))
}

func sqliteSiteAt(t *testing.T, path string) site {
	t.Helper()
	s := site{t: t, cfg: config.Database{
		Driver: config.DriverSQLite, Path: path,
		ConnectTimeout: 5 * time.Second, QueryTimeout: 10 * time.Second, ClearAlarm: true,
	}}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.raw = rawSQLite(t, s.cfg)
	s.exec(Schema(config.DriverSQLite))
	return s
}

// rawSQLite opens the file as another program does, with SQLite's own
// functions alone.
func rawSQLite(t *testing.T, cfg config.Database) *sql.DB {
	t.Helper()
	back, err := newSQLite(cfg)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", back.connector.(*sqliteConnector).dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func TestSQLite(t *testing.T) {
	t.Run("RollbackJournal", func(t *testing.T) { conform(t, newSQLiteSite) })
	t.Run("WAL", func(t *testing.T) {
		conform(t, func(t *testing.T) site {
			s := newSQLiteSite(t)
			s.exec("PRAGMA journal_mode = WAL")
			return s
		})
	})
}

func TestSQLiteLeavesTheJournalModeAlone(t *testing.T) {
	for _, mode := range []string{"delete", "wal"} {
		s := newSQLiteSite(t)
		s.exec("PRAGMA journal_mode = " + mode)
		s.raise(1, "p", nil)
		db := s.open()
		wantCleared(t, db, alarmOf(t, db), 1)
		var got string
		if err := s.raw.QueryRow("PRAGMA journal_mode").Scan(&got); err != nil || got != mode {
			t.Errorf("%s has become %s (%v)", mode, got, err)
		}
	}
}

func TestSQLiteMissingFileIsAnErrorUntilItIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alarms.db")
	db := site{t: t, cfg: config.Database{Driver: config.DriverSQLite, Path: path, QueryTimeout: time.Second}}.open()
	_, err := db.Poll(t.Context())
	if Classify(err) != Misconfigured || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "memory") {
		t.Errorf("%s error %v", Classify(err), err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file was created: %v", err)
	}

	s := sqliteSiteAt(t, path)
	s.raise(1, "p", nil)
	if len(poll(t, db)) != 1 {
		t.Error("the file is there and its alarm is not seen")
	}

	// And an error again when it is gone, though it was open a moment ago.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if rows, err := db.Poll(t.Context()); err == nil {
		t.Errorf("the file is gone and %d rows are read", len(rows))
	}
}

func TestSQLiteFileThatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alarms.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o644); err != nil {
		t.Fatal(err)
	}
	db := site{t: t, cfg: config.Database{Driver: config.DriverSQLite, Path: path, QueryTimeout: time.Second}}.open()
	if _, err := db.Poll(t.Context()); Classify(err) != Misconfigured {
		t.Errorf("%s error %v", Classify(err), err)
	}
}

func TestSQLiteLockedFileIsTransientAndEndsInTime(t *testing.T) {
	s := newSQLiteSite(t)
	s.raise(1, "p", nil)
	s.cfg.QueryTimeout = 50 * time.Millisecond
	db := s.open()
	alarm := alarmOf(t, db)
	lock, err := s.raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	_, pollErr := db.Poll(t.Context())
	_, clearErr := db.Clear(t.Context(), alarm, restartedAt)
	for _, err := range []error{pollErr, clearErr} {
		if Classify(err) != Transient || errors.Is(err, recovery.ErrReadOnly) || !strings.Contains(err.Error(), "query_timeout") {
			t.Errorf("%s error %v", Classify(err), err)
		}
	}

	// With a lock that goes away in time nothing is seen of it.
	s.cfg.QueryTimeout = time.Minute
	done := make(chan error, 1)
	go func() {
		_, err := s.open().Clear(context.Background(), alarm, restartedAt)
		done <- err
	}()
	if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	_ = lock.Close()
	s.wantRow(1, "0", "NULL", restarted)
}

func TestSQLiteCancelEndsTheWaitForALock(t *testing.T) {
	s := newSQLiteSite(t)
	s.cfg.QueryTimeout = time.Hour
	lock, err := s.raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if _, err := lock.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := s.open().Poll(ctx); err == nil {
		t.Error("the poll reads behind the lock")
	}
}

func TestSQLiteFileThatMayNotBeWrittenIsReadOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("permissions are tried as this user")
	}
	for name, mode := range map[string]struct{ dir, file fs.FileMode }{
		"file":      {0o777, 0o444},
		"directory": {0o555, 0o666},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "alarmdb")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(dir, 0o700); _ = os.RemoveAll(dir) })
			s := sqliteSiteAt(t, filepath.Join(dir, "alarms.db"))
			s.raise(1, "p", "n")
			_ = s.raw.Close()
			if err := errors.Join(os.Chmod(s.cfg.Path, mode.file), os.Chmod(dir, mode.dir)); err != nil {
				t.Fatal(err)
			}
			db := s.open()
			asNobody(t, func() {
				rows, err := db.Poll(context.Background())
				if err != nil || len(rows) != 1 {
					t.Errorf("polled %v (%v), want the alarm", rows, err)
					return
				}
				n, err := db.Clear(context.Background(), recovery.Alarm{Process: "p", Rows: rows}, restartedAt)
				if n != 0 || !errors.Is(err, recovery.ErrReadOnly) || Classify(err) != Denied {
					t.Errorf("cleared %d: %s error %v, want ErrReadOnly", n, Classify(err), err)
				}
			})
		})
	}
}

// asNobody runs f on a thread for which the file system's permissions hold,
// as they do not for root.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			runtime.LockOSThread() // And never unlocked: the thread ends here.
			if err := unix.Setfsuid(65534); err != nil {
				t.Error(err)
				return
			}
		}
		f()
	}()
	<-done
}

func TestSQLiteUntypedValuesAreText(t *testing.T) {
	s := newSQLiteSite(t)
	s.raise(1, []byte("raw\xff"), []byte("bytes\xff"))
	db := s.open()
	alarm := alarmOf(t, db)
	if alarm.Process != "raw\xff" {
		t.Errorf("the name is %q", alarm.Process)
	}
	wantCleared(t, db, alarm, 1)
	s.wantRow(1, "0", "NULL", "bytes\xff - "+restarted)
}

func TestSQLiteNamesBeyondTheColumnAreCut(t *testing.T) {
	s := newSQLiteSite(t)
	s.raise(1, strings.Repeat("x", 1<<20), nil)
	db := s.open()
	alarm := alarmOf(t, db)
	if len(alarm.Process) != maxNameBytes {
		t.Errorf("the name has %d bytes", len(alarm.Process))
	}
	wantStanding(t, db, alarm, 1)
}

func TestSQLitePollUsesTheIndex(t *testing.T) {
	s := newSQLiteSite(t)
	db := s.open()
	plan := explain(t, db.sql, "EXPLAIN QUERY PLAN "+db.selectRows(inAlarm, 1))
	if !strings.Contains(plan, "STATUS_PROCESS_alarm") || strings.Contains(plan, "SCAN") {
		t.Errorf("the poll reads every row: %s", plan)
	}
}

// explain returns the server's plan, all in one text.
func explain(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		for i, value := range values {
			plan.WriteString(columns[i] + "=" + value.String + " ")
		}
		plan.WriteString("\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func TestLastCharsKeepsWholeCharacters(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 5, ""},
		{"abc", 3, "abc"},
		{"abc", 2, "bc"},
		{"\u0103\u0219\U0001F525", 2, "\u0219\U0001F525"},
		{"\xff\xfeab", 3, "\xfeab"},
		{"abc", 0, ""},
	} {
		if got := lastChars(c.text, c.n); got != c.want {
			t.Errorf("lastChars(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}
