//go:build integration

package alarmdb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv/mariadb"
)

// newMariaDBSite makes a database of its own on the server, with the tables of
// ddl.
func newMariaDBSite(t *testing.T, srv *mariadb.Server, ddl string) site {
	t.Helper()
	name := "db_" + strings.ToLower(strings.NewReplacer("/", "_", "#", "_").Replace(t.Name()))
	if len(name) > 64 {
		name = name[len(name)-64:]
	}
	s := site{t: t, cfg: srv.CreateDatabase(name)}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr = "unix", srv.Socket()
	cfg.User, cfg.Passwd, cfg.DBName = s.cfg.User, s.cfg.Password.Reveal(), name
	cfg.MultiStatements, cfg.InterpolateParams = true, true
	cfg.Logger = &mysql.NopLogger{}
	cfg.Params = map[string]string{
		"sql_mode": "'STRICT_ALL_TABLES'", "autocommit": "1", "foreign_key_checks": "0",
		"character_set_client": "utf8mb4", "character_set_connection": "utf8mb4", "character_set_results": "utf8mb4",
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.raw = sql.OpenDB(connector)
	t.Cleanup(func() { _ = s.raw.Close() })
	s.exec(ddl)
	return s
}

// grownSchema is what the tables look like after years: the foreign key the
// other way round, columns that nobody told of, triggers, a collation that
// does not tell upper from lower case.
const grownSchema = `
CREATE TABLE STATUS_PROCESS (
    owner      VARCHAR(30) NOT NULL DEFAULT 'nobody',
    process_id INT PRIMARY KEY,
    alarma     TINYINT,
    sound      TINYINT,
    notes      TEXT,
    changed    TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE TABLE PROCESE (
    process_id   INT PRIMARY KEY,
    notes        VARCHAR(10) NOT NULL DEFAULT 'mine',
    process_name VARCHAR(255),
    sound        INT DEFAULT 1,
    FOREIGN KEY (process_id) REFERENCES STATUS_PROCESS (process_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE TABLE HISTORY (process_id INT, alarma TINYINT, notes TEXT) DEFAULT CHARACTER SET utf8mb4;
CREATE TRIGGER before_update BEFORE UPDATE ON STATUS_PROCESS FOR EACH ROW SET NEW.owner = 'trigger';
CREATE TRIGGER after_update AFTER UPDATE ON STATUS_PROCESS FOR EACH ROW
    INSERT INTO HISTORY VALUES (NEW.process_id, NEW.alarma, OLD.notes);
`

func TestMariaDB(t *testing.T) {
	t.Run("Schema", func(t *testing.T) {
		srv := mariadb.Start(t)
		conform(t, func(t *testing.T) site { return newMariaDBSite(t, srv, Schema(config.DriverMySQL)) })
	})
	t.Run("GrownSchemaOnAServerSetUpOddly", func(t *testing.T) {
		srv := mariadb.Start(
			t, mariadb.Args(
				"--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,EMPTY_STRING_IS_NULL,HIGH_NOT_PRECEDENCE",
				"--autocommit=0", "--character-set-server=latin1", "--skip-character-set-client-handshake",
			),
		)
		conform(t, func(t *testing.T) site { return newMariaDBSite(t, srv, grownSchema) })
	})
}

func TestNotesNeverOverflowTheirColumn(t *testing.T) {
	srv := mariadb.Start(t)
	appended := " - " + restarted
	for _, c := range []struct {
		column string
		// char fills the column up, count times.
		char  string
		count int
		// kept is how many of them must be left.
		kept int
	}{
		{"VARCHAR(100) CHARACTER SET latin1", "\u00e9", 100, 65},
		{"VARCHAR(100) CHARACTER SET utf8mb3", "\u0219", 100, 65},
		{"VARCHAR(100) CHARACTER SET utf8mb4", "\U0001F525", 100, 65},
		{"VARCHAR(100) CHARACTER SET utf8mb4", "x", 66, 65},
		{"VARCHAR(100) CHARACTER SET utf8mb4", "x", 65, 65},
		{"VARCHAR(35) CHARACTER SET latin1", "\u00e9", 35, 0},
		{"TINYTEXT CHARACTER SET latin1", "\u00e9", 255, 220},
		{"TINYTEXT CHARACTER SET utf8mb4", "x", 255, 220},
		{"TINYTEXT CHARACTER SET utf8mb4", "\U0001F525", 63, 63 - 32},
		{"TEXT CHARACTER SET latin1", "\u00e9", 65535, 65500},
		{"TEXT CHARACTER SET utf8mb4", "\u0219", 32767, 32767 - 34},
		{"TEXT CHARACTER SET utf8mb4", "\U0001F525", 16383, 16383 - 32},
		{"MEDIUMTEXT CHARACTER SET utf8mb4", "x", 70000, 70000},
		{"TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "x", 65535, 65500},
		{"BLOB", "x", 65535, 65500},
	} {
		t.Run(fmt.Sprintf("%s of %d %q", c.column, c.count, c.char), func(t *testing.T) {
			srv.Exec("DROP DATABASE IF EXISTS widths")
			s := site{t: t, cfg: srv.CreateDatabase("widths"), raw: srv.DB()}
			s.exec("USE widths; SET NAMES utf8mb4; " + Schema(config.DriverMySQL))
			conn, err := srv.DB().Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := conn.ExecContext(t.Context(), fmt.Sprintf(`USE widths;
ALTER TABLE STATUS_PROCESS MODIFY notes %s;
INSERT INTO PROCESE VALUES (1, 'p');
INSERT INTO STATUS_PROCESS VALUES (1, 1, 0, REPEAT('%s', %d))`, c.column, c.char, c.count)); err != nil {
				t.Fatal(err)
			}
			db := s.open()
			wantCleared(t, db, alarmOf(t, db), 1)
			var notes string
			if err := conn.QueryRowContext(t.Context(), "SELECT notes FROM STATUS_PROCESS").Scan(&notes); err != nil {
				t.Fatal(err)
			}
			want := strings.Repeat(c.char, c.kept) + appended
			if notes != want {
				t.Errorf("%d characters %.12q...%q are left, want %d", utf8.RuneCountInString(notes),
					notes, notes[max(0, len(notes)-40):], utf8.RuneCountInString(want))
			}
		})
	}
}

func TestNotesOfAVeryNarrowColumnKeepTheTime(t *testing.T) {
	s := newMariaDBSite(t, mariadb.Start(t), Schema(config.DriverMySQL))
	s.exec("ALTER TABLE STATUS_PROCESS MODIFY notes VARCHAR(20)")
	s.raise(1, "p", nil)
	s.raise(2, "p", "12345678901234567890")
	db := s.open()
	wantCleared(t, db, alarmOf(t, db), 2)
	s.wantRow(1, "0", "NULL", " 2026-11-23 02:49:46")
	s.wantRow(2, "0", "NULL", " 2026-11-23 02:49:46")
}

func TestColumnThatWasMadeNarrowerIsMeasuredAgain(t *testing.T) {
	// A server without strict mode would cut the newest text, and say nothing.
	srv := mariadb.Start(t, mariadb.Args("--sql-mode="))
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", "n")
	db := s.open()
	wantCleared(t, db, alarmOf(t, db), 1)
	s.exec("ALTER TABLE STATUS_PROCESS MODIFY notes VARCHAR(100)")
	s.exec("UPDATE STATUS_PROCESS SET alarma = 1, notes = REPEAT('x', 100)")
	wantCleared(t, db, alarmOf(t, db), 1)
	s.wantRow(1, "0", "NULL", strings.Repeat("x", 65)+" - "+restarted)
}

func TestMariaDBPlansUseTheIndexes(t *testing.T) {
	s := newMariaDBSite(t, mariadb.Start(t), Schema(config.DriverMySQL))
	s.raiseMany(10_000)
	s.exec("UPDATE STATUS_PROCESS SET alarma = 0 WHERE process_id > 20")
	s.exec("ANALYZE TABLE STATUS_PROCESS")
	db := s.open()
	plan := explain(t, db.sql, "EXPLAIN "+db.selectRows(inAlarm, MaxRows+1))
	if !strings.Contains(plan, "key=STATUS_PROCESS_alarm") || strings.Contains(plan, "type=ALL") {
		t.Errorf("the poll reads every row:\n%s", plan)
	}
	// A write-back locks the rows that it reads: those must be its own.
	plan = explain(t, db.sql, "EXPLAIN UPDATE STATUS_PROCESS AS s SET alarma = 0 WHERE s.process_id IN (3, 5)"+andInAlarm+
		" AND "+db.dialect.mark+" = CASE s.process_id WHEN 3 THEN 'a' WHEN 5 THEN 'b' END")
	if !strings.Contains(plan, "key=PRIMARY") {
		t.Errorf("the write-back reads other rows than its own:\n%s", plan)
	}
}

func TestWriteBacksOfDifferentProcessesDoNotDisturbEachOther(t *testing.T) {
	s := newMariaDBSite(t, mariadb.Start(t), Schema(config.DriverMySQL))
	const processes = 64
	s.raiseMany(processes)
	db := s.open()
	var wg sync.WaitGroup
	for _, row := range poll(t, db) {
		wg.Go(func() {
			alarm := recovery.Alarm{Process: "p", Rows: []recovery.Row{row}}
			if n, err := db.Clear(context.Background(), alarm, time.Now()); n != 1 || err != nil {
				t.Errorf("row %d: cleared %d (%v)", row.ID, n, err)
			}
		})
	}
	wg.Wait()
}

func TestAccountThatMayNotWrite(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	s.raise(1, "p", "n")
	for user, c := range map[string]struct {
		privileges []string
		mayWrite   bool
	}{
		"reader": {privileges: []string{"SELECT ON " + s.cfg.Name + ".*"}},
		"half": {privileges: []string{
			"SELECT ON " + s.cfg.Name + ".*",
			"UPDATE (alarma) ON " + s.cfg.Name + ".STATUS_PROCESS",
		}},
		"columns": {mayWrite: true, privileges: []string{
			"SELECT (process_id, process_name) ON " + s.cfg.Name + ".PROCESE",
			"SELECT (process_id, alarma, sound, notes), UPDATE (alarma, notes) ON " + s.cfg.Name + ".STATUS_PROCESS",
		}},
	} {
		t.Run(user, func(t *testing.T) {
			srv.Account(user, "hunter2", c.privileges...)
			mine := site{t: t, cfg: s.cfg, raw: s.raw}
			mine.cfg.User, mine.cfg.Password = user, config.NewSecret("hunter2")
			db := mine.open()
			alarm := alarmOf(t, db)
			wantStanding(t, db, alarm, 1)
			if c.mayWrite {
				wantCleared(t, db, alarm, 1)
				s.exec("UPDATE STATUS_PROCESS SET alarma = 1, notes = 'n'")
				return
			}
			n, err := db.Clear(t.Context(), alarm, restartedAt)
			wantReadOnly(t, n, err)
			s.wantRow(1, "1", "NULL", "n")
		})
	}
}
