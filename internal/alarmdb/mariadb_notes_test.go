//go:build integration

package alarmdb

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"monitor_service/internal/config"
	"monitor_service/internal/recovery"
	"monitor_service/internal/testenv/hostile"
	"monitor_service/internal/testenv/mariadb"
)

// noteColumn is a type that notes may have.
type noteColumn struct {
	ddl string
	// chars or bytes is its limit.
	chars, bytes int
	// size is how many bytes a character takes, 0 for one that cannot stand
	// there; nil where it is what UTF-8 says.
	size   func(rune) int
	binary bool
}

func fixed(size int) func(rune) int {
	return func(r rune) int {
		if r > 0xffff && size == 2 {
			return 0
		}
		return size
	}
}

func utf16(r rune) int {
	if r > 0xffff {
		return 4
	}
	return 2
}

var noteColumns = []noteColumn{
	{"VARCHAR(100) CHARACTER SET utf8mb4", 100, 0, nil, false},
	{"VARCHAR(31) CHARACTER SET utf8mb4", 31, 0, nil, false},
	{"TINYTEXT CHARACTER SET utf8mb4", 0, 255, nil, false},
	{"TINYTEXT CHARACTER SET ucs2", 0, 255, fixed(2), false},
	{"TINYTEXT CHARACTER SET utf32", 0, 255, fixed(4), false},
	{"TINYTEXT CHARACTER SET utf16", 0, 255, utf16, false},
	{"VARCHAR(100) CHARACTER SET utf16", 100, 0, utf16, false},
	{"VARBINARY(100)", 0, 100, nil, true},
	{"TINYBLOB", 0, 255, nil, true},
}

// fits says whether the column has room for the text.
func (c noteColumn) fits(text string) bool {
	switch {
	case c.chars > 0:
		return utf8.RuneCountInString(text) <= c.chars
	case c.size == nil:
		return len(text) <= c.bytes
	}
	size := 0
	for _, r := range text {
		size += c.size(r)
	}
	return size <= c.bytes
}

// holds says whether the text may stand in the column at all.
func (c noteColumn) holds(text string) bool {
	if !c.binary && !utf8.ValidString(text) {
		return false
	}
	strange := c.size != nil && strings.ContainsFunc(text, func(r rune) bool { return c.size(r) == 0 })
	return c.fits(text) && !strange
}

// TestNotesOfAnyTextFitAnyColumn lets the server itself add the note: to the
// hostile texts and to random ones of every length about the column's.
func TestNotesOfAnyTextFitAnyColumn(t *testing.T) {
	srv := mariadb.Start(t)
	s := newMariaDBSite(t, srv, Schema(config.DriverMySQL))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	n := newNote(restartedAt)
	for _, c := range noteColumns {
		t.Run(c.ddl, func(t *testing.T) {
			s.exec("DELETE FROM STATUS_PROCESS; DELETE FROM PROCESE; ALTER TABLE STATUS_PROCESS MODIFY notes " + c.ddl)
			before := map[int64]string{}
			var names, alarms []string
			for _, text := range randomNotes(random) {
				if !c.holds(text) {
					continue
				}
				id := int64(len(before) + 1)
				before[id] = text
				literal := "X'" + hex.EncodeToString([]byte(text)) + "'"
				if !c.binary {
					literal = "CONVERT(" + literal + " USING utf8mb4)"
				}
				names = append(names, fmt.Sprintf("(%d, 'p')", id))
				alarms = append(alarms, fmt.Sprintf("(%d, 1, 0, %s)", id, literal))
			}
			s.exec("INSERT INTO PROCESE VALUES " + strings.Join(names, ", "))
			s.exec("INSERT INTO STATUS_PROCESS VALUES " + strings.Join(alarms, ", "))
			db := s.open()
			rows := poll(t, db)
			if len(rows) != len(before) || len(rows) < 100 {
				t.Fatalf("%d rows of %d texts", len(rows), len(before))
			}
			cleared, err := db.Clear(context.Background(), recovery.Alarm{Process: "p", Rows: rows}, restartedAt)
			if err != nil || cleared != len(rows) {
				t.Fatalf("cleared %d of %d: %v", cleared, len(rows), err)
			}
			for id, was := range before {
				_, _, after := s.row(int(id))
				whole := n.bare
				if was != "" {
					whole = was + n.appended
				}
				switch {
				case !c.fits(after), !strings.HasSuffix(whole, after), c.fits(whole) && after != whole, len(after) < min(len(n.bare), 30):
					t.Errorf("%q became %q", was, after)
				}
			}
		})
	}
}

// randomNotes are the hostile texts, and texts of characters of one to four
// bytes in every length up to 255.
func randomNotes(random *rand.Rand) []string {
	// The last one is what is two bytes too long in UTF-16 where one dropped
	// character is taken for as many bytes as there are too many.
	texts := []string{"", strings.Repeat("x", 33) + strings.Repeat("\U0001F525", 47)}
	for _, text := range hostile.Texts() {
		texts = append(texts, text.Text)
	}
	alphabets := []string{"x", "\u0219", "\u65e5", "\U0001F525", "x\u0219\u65e5", "x\u0219\u65e5\U0001F525"}
	for _, alphabet := range alphabets {
		runes := []rune(alphabet)
		for length := 1; length <= 255; length += 1 + random.IntN(4) {
			var b strings.Builder
			for range length {
				b.WriteRune(runes[random.IntN(len(runes))])
			}
			texts = append(texts, b.String())
		}
	}
	return texts
}
