package alarmdb

import (
	"database/sql/driver"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"monitor_service/internal/testenv/hostile"
)

// notesProblem says what is wrong with the notes after a restart was added to
// what they were before, in a column of so many characters.
func notesProblem(before, after string, n note, width int) string {
	whole := n.bare
	if before != "" {
		whole = before + n.appended
	}
	count := utf8.RuneCountInString(after)
	switch {
	case count > width:
		return "they do not fit"
	case !strings.HasSuffix(whole, after):
		return "they are not the end of the old text and the new note"
	case count < width && after != whole:
		return "text was dropped that had room"
	case utf8.ValidString(before) && !utf8.ValidString(after):
		return "a character was cut in two"
	}
	return ""
}

// FuzzNotesAdd holds that notes fit their column whatever they were, and that
// it is the oldest text which is dropped.
func FuzzNotesAdd(f *testing.F) {
	for _, text := range hostile.Texts() {
		f.Add(text.Text, uint16(100))
		f.Add(text.Text+strings.Repeat("\u0219", 90), uint16(100))
	}
	for _, width := range []uint16{0, 1, 19, 29, 30, 31, 32, 33, 34, 35, 65535} {
		f.Add("", width)
		f.Add("oldest \xffnewest", width)
		f.Add(strings.Repeat("\U0001F525", 40), width)
	}
	n := newNote(time.Date(2026, 11, 23, 2, 49, 46, 0, time.Local))
	f.Fuzz(func(t *testing.T, before string, width uint16) {
		for _, value := range []driver.Value{before, []byte(before)} {
			added, err := notesAdd(nil, []driver.Value{value, n.bare, n.appended, int64(width)})
			after, ok := added.(string)
			if err != nil || !ok {
				t.Fatalf("%q: %v, %v", before, added, err)
			}
			if problem := notesProblem(before, after, n, int(width)); problem != "" {
				t.Fatalf("%q in %d characters became %q: %s", before, width, after, problem)
			}
		}
	})
}

func TestNotesOfNothingAreTheBareNote(t *testing.T) {
	n := newNote(restartedAt)
	for _, value := range []driver.Value{nil, "", []byte{}} {
		if after, err := notesAdd(nil, []driver.Value{value, n.bare, n.appended, int64(100)}); err != nil || after != n.bare {
			t.Errorf("%v became %q, %v", value, after, err)
		}
	}
}
