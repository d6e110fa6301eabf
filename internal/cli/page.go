package cli

import (
	"fmt"
	"slices"
	"strings"
)

// page is what status shows, in parts, so that a terminal without room for all
// of it gets the most of each.
type page struct {
	head []string
	// title is above the rows, empty where each of them has its own.
	title string
	// rows are the lines of each row, what needs somebody first.
	rows  [][]string
	notes []string
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// String is all of it.
func (p page) String() string {
	return strings.Join(p.compose(p.tableLines(p.rows, 0), p.notes), "\n") + "\n"
}

func (p page) compose(table, notes []string) []string {
	all := p.head
	for _, part := range [][]string{table, notes} {
		if len(part) > 0 {
			all = append(append(slices.Clip(all), ""), part...)
		}
	}
	return all
}

// wrapped breaks what stands around the rows after so many columns: the end of
// an error is what says most.
func (p page) wrapped(columns int) page {
	p.head, p.notes = wrapAll(p.head, columns), wrapAll(p.notes, columns)
	return p
}

// tableLines are the lines of some rows, and of how many are left out.
func (p page) tableLines(rows [][]string, more int) []string {
	var all []string
	if p.title != "" {
		all = append(all, p.title)
	}
	for _, row := range rows {
		all = append(all, row...)
	}
	return appendMore(all, more)
}

func appendMore(list []string, more int) []string {
	if more > 0 {
		list = append(slices.Clip(list), fmt.Sprintf("… and %d more", more))
	}
	return list
}

// within is as much of it as there is room for: all, with long lines broken; or
// of the notes a third, or what the rows leave, and of the rows the first ones.
func (p page) within(height, columns int) []string {
	table := p.tableLines(p.rows, 0)
	wrapped := p.wrapped(columns)
	if all := wrapped.compose(table, wrapped.notes); len(all) <= height {
		return all
	}
	all := p.compose(table, p.notes)
	if len(all) <= height {
		return all
	}
	const blank = 1
	room := height - len(p.head) - blank
	notes := upTo(p.notes, max(room/3, room-len(table)-blank))
	if len(notes) > 0 {
		room -= blank + len(notes)
	}
	if rows := p.rowsWithin(room); rows > 0 {
		return p.compose(p.tableLines(p.rows[:rows], len(p.rows)-rows), notes)
	}
	return upTo(all, height)
}

// upTo cuts a list of lines to so many, of which the last one says how many
// there are in its place.
func upTo(list []string, most int) []string {
	switch {
	case len(list) <= most:
		return list
	case most < 1:
		return nil
	}
	return appendMore(list[:most-1], len(list)-most+1)
}

// rowsWithin is how many rows there is room for, with what is said of the others.
func (p page) rowsWithin(room int) int {
	if len(p.tableLines(p.rows, 0)) <= room {
		return len(p.rows)
	}
	n := len(p.rows) - 1
	for n > 0 && len(p.tableLines(p.rows[:n], 1)) > room {
		n--
	}
	return n
}
