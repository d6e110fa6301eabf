package alarmdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"modernc.org/sqlite"

	"monitor_service/internal/config"
)

// SQLite has no checksum, so that it is given a function for it, and one that
// adds a note. Both take the text as bytes, since as text it would end at its
// first NUL character.
func sqliteDialect() dialect {
	return dialect{
		mark:    "notes_mark(CAST(s.notes AS BLOB))",
		addNote: "notes_add(CAST(s.notes AS BLOB), ?, ?, ?)",
		noteArgs: func(n note, w width) []any {
			return []any{n.bare, n.appended, w.chars}
		},
		// SQLite takes text of any length whatever is declared. The
		// width is that of TEXT all the same, so that notes do not grow
		// for ever.
		notesWidth: fmt.Sprintf("SELECT %d, %d", textWidth, textWidth),
		explain:    "EXPLAIN QUERY PLAN",
		// https://www.sqlite.org/eqp.html: each loop is a SCAN or a SEARCH.
		scans: func(step map[string]string) bool { return strings.HasPrefix(step["detail"], "SCAN") },
		alarmIndexes: `SELECT COUNT(*) FROM pragma_index_list('STATUS_PROCESS') AS l, pragma_index_info(l.name) AS i
WHERE i.seqno = 0 AND lower(i.name) = 'alarma'`,
	}
}

// sqliteConnector opens connections to an SQLite file. Its driver is its own,
// so that the functions are too.
type sqliteConnector struct {
	driver *sqlite.Driver
	dsn    string
}

// newSQLite leaves the file's journal mode as it is: the file is shared with
// whoever raises the alarms, and rollback journal and WAL both work.
func newSQLite(cfg config.Database) (backend, error) {
	if cfg.Path == "" {
		return backend{}, errors.New("path: the SQLite file is not given")
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return backend{}, fmt.Errorf("path: %w", err)
	}
	d := &sqlite.Driver{}
	err = errors.Join(
		d.RegisterDeterministicScalarFunction("notes_mark", 1, notesMark),
		d.RegisterDeterministicScalarFunction("notes_add", 4, notesAdd),
	)
	if err != nil {
		return backend{}, err
	}
	query := url.Values{
		// Never create what is missing: it would be an empty database
		// without alarms.
		"mode": {"rw"},
		// The context's own limit ends the waiting, so this need only
		// be longer.
		"_pragma":   {fmt.Sprintf("busy_timeout(%d)", (cfg.QueryTimeout + 2*answerGrace).Milliseconds())},
		"_error_rc": {"1"},
	}
	file := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	return backend{
		connector: &sqliteConnector{driver: d, dsn: file.String()},
		dialect:   sqliteDialect(),
		where:     fmt.Sprintf("SQLite database %q", path),
		// Opening a file costs little, and a file that was replaced or
		// removed is noticed at once.
		maxIdle: 0,
	}, nil
}

// Connect implements driver.Connector.
func (c *sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.driver.Open(c.dsn)
}

// Driver implements driver.Connector.
func (c *sqliteConnector) Driver() driver.Driver { return c.driver }

// notesMark is notes_mark(notes), see dialect.mark.
func notesMark(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	notes, ok := text(args[0])
	if !ok {
		return "null", nil
	}
	return fmt.Sprintf("%d:%d", len(notes), crc32.ChecksumIEEE([]byte(notes))), nil
}

// notesAdd is notes_add(notes, bare, appended, width), see dialect.addNote.
func notesAdd(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	notes, _ := text(args[0])
	added, _ := text(args[1])
	if notes != "" {
		added, _ = text(args[2])
	}
	chars, _ := args[3].(int64)
	return lastChars(notes+added, int(chars)), nil
}

// lastChars returns the last n characters of s.
func lastChars(s string, n int) string {
	for drop := utf8.RuneCountInString(s) - n; drop > 0; drop-- {
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return s
}

// text is a column's value as text, whatever type a value has in a database
// that lets it have any; not ok for NULL.
func text(v driver.Value) (s string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "", false
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return fmt.Sprint(v), true
}
