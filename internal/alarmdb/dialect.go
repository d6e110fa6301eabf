package alarmdb

import (
	"database/sql/driver"
)

// backend is one kind of database.
type backend struct {
	connector driver.Connector
	dialect   dialect
	// where describes the database for error messages, without secrets.
	where string
	// maxIdle is how many unused connections are kept.
	maxIdle int
}

// dialect is what the databases say differently. STATUS_PROCESS is known as s
// where it is read, and by its own name where it is written.
type dialect struct {
	// mark is the expression for recovery.Row.Mark: cheap to compare, the
	// same for the same text, and another for NULL than for ''.
	mark string
	// addNote is the expression for the notes with a note added to them,
	// and takes the arguments of noteArgs.
	addNote  string
	noteArgs func(n note, w width) []any
	// notesWidth asks how wide the column is: in characters and in bytes.
	notesWidth string
	// explain before a query asks how it would be carried out. The answer has
	// a row for each step; scans says of one, by the names of its columns,
	// whether it reads a whole table.
	explain string
	scans   func(step map[string]string) bool
	// alarmIndexes counts the indexes that begin with alarma.
	alarmIndexes string
}

// note is the text that a restart adds to the notes. Where they are empty it
// stands bare, without the dash that would separate it from nothing.
type note struct {
	bare, appended string
}

// width is how much fits into the column notes. A VARCHAR is limited in
// characters, a TEXT in bytes; each has both figures. Zero is not known.
type width struct {
	chars, bytes int64
}

// textWidth is that of TEXT, the type in the schema.
const textWidth = 65535
