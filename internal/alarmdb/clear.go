package alarmdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"monitor_service/internal/recovery"
)

// Clear implements recovery.Alarms. One statement clears the rows and adds
// "Restarted at" and the local time to their notes, guarded by what the rows
// were when they were read; an alarm of more than chunkRows rows takes several
// statements, and what the first ones cleared is counted also where a later
// one fails. It takes at most query_timeout and answerGrace.
func (db *DB) Clear(ctx context.Context, alarm recovery.Alarm, restartedAt time.Time) (int, error) {
	ctx, cancel := db.limit(ctx)
	defer cancel()
	cleared, err := db.clear(ctx, alarm, newNote(restartedAt))
	if err == nil {
		return cleared, nil
	}
	if writeRefused(err) {
		err = fmt.Errorf("%w: %w", recovery.ErrReadOnly, err)
	}
	return cleared, db.failure(ctx, fmt.Sprintf("clear the alarm of %q", alarm.Process), err)
}

func newNote(restartedAt time.Time) note {
	bare := "Restarted at " + restartedAt.Local().Format(time.DateTime)
	return note{bare: bare, appended: " - " + bare}
}

func (db *DB) clear(ctx context.Context, alarm recovery.Alarm, n note) (int, error) {
	leave, err := db.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	cleared := 0
	for chunk := range slices.Chunk(alarm.Rows, chunkRows) {
		w, err := db.notesWidth(ctx)
		if err != nil {
			return cleared, err
		}
		rows, err := db.clearRows(ctx, chunk, n, w)
		if isDataTooLong(err) {
			// The column is narrower than it was.
			db.forgetNotesWidth()
			if w, err = db.notesWidth(ctx); err != nil {
				return cleared, err
			}
			rows, err = db.clearRows(ctx, chunk, n, w)
		}
		if err != nil {
			return cleared, err
		}
		cleared += rows
	}
	return cleared, nil
}

// clearRows clears the rows that are still what they were.
func (db *DB) clearRows(ctx context.Context, rows []recovery.Row, n note, w width) (int, error) {
	ids := make([]any, 0, len(rows))
	marks := make([]any, 0, 2*len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID)
		marks = append(marks, row.ID, row.Mark)
	}
	//nolint:gosec // Only fixed text and placeholders are put into it.
	query := fmt.Sprintf(`UPDATE STATUS_PROCESS AS s SET alarma = 0, notes = %s
WHERE s.process_id IN (%s)%s AND %s = CASE s.process_id%s END`,
		db.dialect.addNote, placeholders(len(rows)), andInAlarm, db.dialect.mark,
		strings.Repeat(" WHEN ? THEN ?", len(rows)))
	args := slices.Concat(db.dialect.noteArgs(n, w), ids, marks)
	result, err := db.sql.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	affected, err := result.RowsAffected()
	return int(affected), err
}

// notesWidth says how wide the column is, and asks the database once. Where
// the database has no such column to show, the width in the schema is as good
// as any: the statement that needs it will say what is wrong.
func (db *DB) notesWidth(ctx context.Context) (width, error) {
	db.mu.Lock()
	w := db.notes
	db.mu.Unlock()
	if w != (width{}) {
		return w, nil
	}
	err := db.sql.QueryRowContext(ctx, db.dialect.notesWidth).Scan(&w.chars, &w.bytes)
	if errors.Is(err, sql.ErrNoRows) {
		return width{chars: textWidth, bytes: textWidth}, nil
	}
	if err != nil {
		return width{}, fmt.Errorf("asking for the width of STATUS_PROCESS.notes: %w", err)
	}
	db.mu.Lock()
	db.notes = w
	db.mu.Unlock()
	return w, nil
}

func (db *DB) forgetNotesWidth() {
	db.mu.Lock()
	db.notes = width{}
	db.mu.Unlock()
}
