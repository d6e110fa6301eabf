package alarmdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"monitor_service/internal/recovery"
)

// acknowledged is the condition on a row of STATUS_PROCESS, known as s, whose
// alarm an operator has acknowledged.
const acknowledged = "s.alarma = 1 AND s.sound = 1"

// Acknowledged reads up to limit rows that are in alarm and acknowledged, by
// process_id. A poll does not see them; a person wants to. It takes at most
// query_timeout.
func (db *DB) Acknowledged(ctx context.Context, limit int) ([]recovery.Row, error) {
	const action = "read the acknowledged alarms"
	ctx, cancel := db.limit(ctx)
	defer cancel()
	leave, err := db.enter(ctx)
	if err != nil {
		return nil, db.failure(ctx, action, err)
	}
	defer leave()
	rows, _, err := db.read(ctx, db.selectRows(acknowledged, limit))
	if err != nil {
		return nil, db.failure(ctx, action, err)
	}
	return rows, nil
}

// Names reads up to limit names of processes. It takes at most query_timeout.
func (db *DB) Names(ctx context.Context, limit int) ([]string, error) {
	return db.names(ctx, "read the names of the processes",
		fmt.Sprintf("SELECT DISTINCT process_name FROM PROCESE WHERE process_name <> '' ORDER BY process_name LIMIT %d", limit))
}

// HasName says whether there is a process of exactly this name, be it in alarm
// or not. It takes at most query_timeout.
func (db *DB) HasName(ctx context.Context, name string) (bool, error) {
	// MySQL compares without regard to case and to blanks at the end, by
	// most collations; so many names that differ in no more are not expected.
	names, err := db.names(ctx, fmt.Sprintf("look for the process %q", name),
		fmt.Sprintf("SELECT process_name FROM PROCESE WHERE process_name = ? LIMIT %d", chunkRows), name)
	return slices.Contains(names, name), err
}

func (db *DB) names(ctx context.Context, action, query string, args ...any) ([]string, error) {
	ctx, cancel := db.limit(ctx)
	defer cancel()
	leave, err := db.enter(ctx)
	if err != nil {
		return nil, db.failure(ctx, action, err)
	}
	defer leave()
	names, err := db.readNames(ctx, query, args...)
	if err != nil {
		return nil, db.failure(ctx, action, err)
	}
	return names, nil
}

func (db *DB) readNames(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := db.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name sql.NullString
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if len(name.String) <= maxNameBytes {
			names = append(names, name.String)
		}
	}
	return names, rows.Err()
}
