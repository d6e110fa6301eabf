// Package alarmdb reads alarms out of the tables STATUS_PROCESS and PROCESE
// and writes back into them that a process was restarted. The tables are in
// MySQL, MariaDB or an SQLite file; what the servers do differently is in
// mysql.go and sqlite.go, everything else is the same for all. Errors say what
// was tried, where, and what to do about it, and Classify tells whether trying
// again may help.
//
// Nothing here decides what an alarm means, waits between attempts, watches a
// connection's health or logs: whoever calls does. There are no goroutines but
// those of database/sql.
package alarmdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
)

const (
	// MaxRows is the largest number of rows in alarm that a poll accepts.
	MaxRows = 50_000

	// chunkRows is how many rows one statement names at most, to stay well
	// within every limit of the servers on a statement's length.
	chunkRows = 100

	// maxNameBytes is where a process name is cut. A VARCHAR(255) has at
	// most 1020 bytes, so that what is cut was no name of one, and can
	// not be mistaken for one.
	maxNameBytes = 1024

	// workers is how many re-reads and write-backs may use the database at
	// once. They may all be stuck behind somebody's lock and the poll still
	// has a connection: there is one more.
	workers = 8
	maxOpen = workers + 1

	// connMaxIdleTime is below the usual poll period, so that a connection
	// is not found dead at the next poll because a firewall forgot it.
	connMaxIdleTime = 30 * time.Second
	// connMaxLifetime is how long a connection to a server that has become
	// a replica may be in use before the name is looked up anew.
	connMaxLifetime = 3 * time.Minute
)

// ErrTooManyRows is wrapped by the error of a poll that found more than
// MaxRows rows in alarm. None is returned then: with only a part of them, the
// alarms that are missing would look as if they were over.
var ErrTooManyRows = errors.New("too many rows in alarm")

// DB is the alarm database. It implements recovery.Alarms. It may be used by
// several goroutines at once.
type DB struct {
	sql     *sql.DB
	dialect dialect
	// where describes the database for error messages, without secrets.
	where   string
	timeout time.Duration
	maxRows int
	// busy has a place for each of the workers.
	busy chan struct{}

	mu sync.Mutex
	// notes is how wide the column is, once it has been asked for.
	notes width
	// odd is what the last poll has left out.
	odd Odd
}

// Open prepares access to the database and connects to nothing yet. It fails
// only for settings that cannot be used, such as an unreadable tls_ca. A
// missing SQLite file is not created: using it is an error until it is there.
func Open(cfg config.Database) (*DB, error) {
	var back backend
	var err error
	switch cfg.Driver {
	case config.DriverMySQL:
		back, err = newMySQL(cfg)
	case config.DriverSQLite:
		back, err = newSQLite(cfg)
	case config.DriverUnknown:
		err = errors.New("no driver")
	default:
		err = fmt.Errorf("unknown driver %d", cfg.Driver)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the settings of section [database]: %w", err)
	}
	return newDB(back, cfg.QueryTimeout), nil
}

func newDB(back backend, timeout time.Duration) *DB {
	db := &DB{
		sql:     sql.OpenDB(back.connector),
		dialect: back.dialect,
		where:   back.where,
		timeout: timeout,
		maxRows: MaxRows,
		busy:    make(chan struct{}, workers),
	}
	db.sql.SetMaxOpenConns(maxOpen)
	db.sql.SetMaxIdleConns(back.maxIdle)
	db.sql.SetConnMaxIdleTime(connMaxIdleTime)
	db.sql.SetConnMaxLifetime(connMaxLifetime)
	return db
}

// Close closes the connections. It waits for nothing but statements that are
// being answered.
func (db *DB) Close() error { return db.sql.Close() }

// String says which database this is, as whom and where, without secrets.
func (db *DB) String() string { return db.where }

// Poll reads all rows that are in alarm and not acknowledged, by process_id.
// It takes at most query_timeout and answerGrace. Rows without a number that
// can be used are left out, see Odd. More than MaxRows rows are an error that
// wraps ErrTooManyRows.
func (db *DB) Poll(ctx context.Context) ([]recovery.Row, error) {
	ctx, cancel := db.limit(ctx)
	defer cancel()
	rows, odd, err := db.read(ctx, db.selectRows(inAlarm, db.maxRows+1))
	if err != nil {
		return nil, db.failure(ctx, "read the alarms", err)
	}
	db.setOdd(odd)
	if len(rows)+odd.Count > db.maxRows {
		err := fmt.Errorf("%w: STATUS_PROCESS has more than %d of them", ErrTooManyRows, db.maxRows)
		return nil, db.failure(ctx, "read the alarms", err)
	}
	return rows, nil
}

// Standing implements recovery.Alarms. A row whose process has another name
// by now is no longer a row of the alarm. It takes at most query_timeout and
// answerGrace.
func (db *DB) Standing(ctx context.Context, alarm recovery.Alarm) ([]recovery.Row, error) {
	action := fmt.Sprintf("read the alarm of %q again", alarm.Process)
	ctx, cancel := db.limit(ctx)
	defer cancel()
	leave, err := db.enter(ctx)
	if err != nil {
		return nil, db.failure(ctx, action, err)
	}
	defer leave()

	var standing []recovery.Row
	for chunk := range slices.Chunk(alarm.Rows, chunkRows) {
		ids := make([]any, len(chunk))
		for i, row := range chunk {
			ids[i] = row.ID
		}
		which := "s.process_id IN (" + placeholders(len(ids)) + ")" + andInAlarm
		rows, _, err := db.read(ctx, db.selectRows(which, chunkRows), ids...)
		if err != nil {
			return nil, db.failure(ctx, action, err)
		}
		standing = append(standing, rows...)
	}
	return slices.DeleteFunc(standing, func(r recovery.Row) bool { return r.Process != alarm.Process }), nil
}

// selectRows is the statement that reads up to limit rows.
func (db *DB) selectRows(which string, limit int) string {
	return fmt.Sprintf(`SELECT s.process_id, p.process_name, %s
FROM STATUS_PROCESS s JOIN PROCESE p ON p.process_id = s.process_id
WHERE %s
ORDER BY s.process_id LIMIT %d`, db.dialect.mark, which, limit)
}

// inAlarm is the condition on a row of STATUS_PROCESS, known as s, that makes
// it this daemon's business. A NULL sound counts as 0.
const inAlarm = "s.alarma = 1 AND (s.sound IS NULL OR s.sound <> 1)"

// andInAlarm follows a condition on s.process_id. The plus makes SQLite go by
// that one, where it would read every row in alarm by the index.
const andInAlarm = " AND +" + inAlarm

func (db *DB) read(ctx context.Context, query string, args ...any) (alarms []recovery.Row, odd Odd, err error) {
	rows, err := db.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, odd, err
	}
	defer func() { _ = rows.Close() }()
	// Once for all rows: what is scanned into is on the heap.
	var row recovery.Row
	var id any
	var name sql.NullString
	for rows.Next() {
		if err := rows.Scan(&id, &name, &row.Mark); err != nil {
			return nil, odd, err
		}
		var ok bool
		if row.ID, ok = wholeNumber(id); !ok {
			odd.add(id)
			continue
		}
		row.Process = name.String
		if len(row.Process) > maxNameBytes {
			row.Process = strings.Clone(row.Process[:maxNameBytes])
		}
		alarms = append(alarms, row)
	}
	return alarms, odd, rows.Err()
}

// limit gives a method its time, the wait for a connection and the connecting
// included. The server ends a statement after query_timeout by itself, see
// sessionSettings; it has answerGrace to say so before it is hung up on.
func (db *DB) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, db.timeout+answerGrace, errLimit)
}

// answerGrace is the time in which a server that has ended a statement says
// so. Its own word is worth the wait: then the outcome is known and the
// connection stays usable.
const answerGrace = 500 * time.Millisecond

// enter takes one of the workers' places and returns how to give it back.
func (db *DB) enter(ctx context.Context) (leave func(), err error) {
	select {
	case db.busy <- struct{}{}:
		return func() { <-db.busy }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for one of %d connections: %w", workers, ctx.Err())
	}
}

func placeholders(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}
