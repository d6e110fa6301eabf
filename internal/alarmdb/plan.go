package alarmdb

import (
	"context"
	"database/sql"
	"strings"
)

// AlarmIndex is the statement that adds, to tables that are there, the index of
// the schema. With it a poll costs the same whatever the size of the tables.
const AlarmIndex = "CREATE INDEX STATUS_PROCESS_alarm ON STATUS_PROCESS (alarma, sound)"

// PollScans says whether each poll reads a whole table because no index begins
// with alarma. It asks the server how it would poll, which an account may ask
// that may poll. A server that reads a whole table although there is an index
// has few rows, or nearly all of them in alarm. It takes at most query_timeout
// and answerGrace.
func (db *DB) PollScans(ctx context.Context) (bool, error) {
	const action = "find out how the alarms are read"
	ctx, cancel := db.limit(ctx)
	defer cancel()
	leave, err := db.enter(ctx)
	if err != nil {
		return false, db.failure(ctx, action, err)
	}
	defer leave()
	scans, err := db.planScans(ctx)
	if err != nil {
		return false, db.failure(ctx, action, err)
	}
	if !scans {
		return false, nil
	}
	indexes := 0
	if err := db.sql.QueryRowContext(ctx, db.dialect.alarmIndexes).Scan(&indexes); err != nil {
		return false, db.failure(ctx, action, err)
	}
	return indexes == 0, nil
}

func (db *DB) planScans(ctx context.Context) (scans bool, err error) {
	rows, err := db.sql.QueryContext(ctx, db.dialect.explain+" "+db.selectRows(inAlarm, db.maxRows+1))
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return false, err
	}
	values := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, err
		}
		step := make(map[string]string, len(names))
		for i, name := range names {
			step[strings.ToLower(name)] = values[i].String
		}
		scans = scans || db.dialect.scans(step)
	}
	return scans, rows.Err()
}
