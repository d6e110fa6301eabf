package cli

import (
	"math"
	"strings"
)

// gap is the space between two columns.
const gap = 2

// cell is one text in a table.
type cell struct {
	text  string
	color color
}

// whole is for a column that is not cut: without its end it says something else,
// or nothing.
const whole = math.MaxInt

// column is a column of a table.
type column struct {
	title string
	// least is how narrow it may become where the terminal is.
	least int
}

// table is for a person to read. On a terminal that is too narrow for it, it
// becomes a block of lines for each row.
type table struct {
	columns []column
	rows    [][]cell
}

func (t *table) add(cells ...cell) {
	for i := range cells {
		cells[i].text = printable(cells[i].text)
	}
	t.rows = append(t.rows, cells)
}

// write returns the table as a text.
func (t *table) write(s screen) string {
	title, rows, ok := t.lines(s)
	if !ok {
		rows = t.blocks(s)
	}
	return strings.Join(page{title: title}.tableLines(rows, 0), "\n") + "\n"
}

// lines returns the table's title and its rows, a line each, or says that the
// terminal is too narrow for it.
func (t *table) lines(s screen) (title string, rows [][]string, ok bool) {
	widths, ok := t.widths(s.width)
	if !ok {
		return "", nil, false
	}
	head := make([]cell, len(t.columns))
	for i, c := range t.columns {
		head[i] = cell{c.title, bold}
	}
	for _, row := range t.rows {
		rows = append(rows, []string{line(s, row, widths)})
	}
	return line(s, head, widths), rows, true
}

func line(s screen, row []cell, widths []int) string {
	var b strings.Builder
	for i, c := range row {
		text := fit(c.text, widths[i])
		b.WriteString(s.paint(c.color, text))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-width(text)+gap))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// widths makes the columns as wide as their texts and, where that is too wide,
// takes from the widest until it fits; it says whether it can.
func (t *table) widths(most int) ([]int, bool) {
	widths := make([]int, len(t.columns))
	total := gap * (len(t.columns) - 1)
	for i, c := range t.columns {
		widths[i] = width(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], width(row[i].text))
		}
		total += widths[i]
	}
	for ; most > 0 && total > most; total-- {
		widest := -1
		for i, c := range t.columns {
			if widths[i] > max(c.least, width(c.title)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return nil, false
		}
		widths[widest]--
	}
	return widths, true
}

// blocks returns each row as a title and a line for each other column.
func (t *table) blocks(s screen) [][]string {
	left := 0
	for _, c := range t.columns[1:] {
		left = max(left, width(c.title))
	}
	blocks := make([][]string, 0, len(t.rows))
	for _, row := range t.rows {
		block := []string{s.paint(bold, fit(row[0].text, max(1, s.width)))}
		for i, c := range row[1:] {
			if c.text == "" {
				continue
			}
			block = append(block, "  "+pad(strings.ToLower(t.columns[i+1].title), left)+"  "+
				s.paint(c.color, fit(c.text, max(1, s.width-left-2*gap))))
		}
		blocks = append(blocks, block)
	}
	return blocks
}
