// Package bench measures the daemon on a whole host beside its references:
// systemd's own restart of the same units in one call, which is the limit, and
// a shell loop that does for each alarm what the bash daemon does. What is
// measured, and how, is in the tests of this package, behind the build tag
// bench; "make bench" runs them. Without the tag the room holds what the result
// is made of: samples, goals, tables, and the page that they become.
//
// Nothing here passes or fails by a time. The numbers that must not grow
// unseen are counted in the tests of the packages that they belong to.
package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Sample is one quantity measured several times.
type Sample []float64

// Median is the middle one, 0 where there is none.
func (s Sample) Median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// Over divides pair by pair: what a busy machine does to one of a pair it does
// to the other.
func (s Sample) Over(reference Sample) Sample {
	ratios := make(Sample, min(len(s), len(reference)))
	for i := range ratios {
		ratios[i] = s[i] / reference[i]
	}
	return ratios
}

// Show is the median with the least and the greatest behind it, each as format
// writes it.
func (s Sample) Show(format func(float64) string) string {
	switch len(s) {
	case 0:
		return "–"
	case 1:
		return format(s[0])
	}
	return fmt.Sprintf("%s (%s – %s)", format(s.Median()), format(slices.Min(s)), format(slices.Max(s)))
}

// Seconds writes a time in seconds with three digits that count.
func Seconds(v float64) string {
	switch d := time.Duration(v * float64(time.Second)); {
	case d >= 100*time.Second:
		return fmt.Sprintf("%.0f s", v)
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", v)
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", v)
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", v*1e3)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", v*1e3)
	}
	return fmt.Sprintf("%.0f µs", v*1e6)
}

// Times writes a ratio.
func Times(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0f×", v)
	}
	return fmt.Sprintf("%.2f×", v)
}

// Bytes writes a size given in bytes.
func Bytes(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.1f MB", v/1e6)
	case v >= 1e3 || v <= -1e3:
		return fmt.Sprintf("%.1f kB", v/1e3)
	}
	return fmt.Sprintf("%.0f B", v)
}

// Goal is one thing that is promised, and what was measured of it.
type Goal struct {
	What, Want, Measured string
	Met                  bool
	// Why tells a goal that is not met by how much that is, in figures of
	// the same run.
	Why string
	// Cause explains, below the table, what keeps it from being met.
	Cause string
}

// Table is a part of the page's details.
type Table struct {
	Title string
	// Text says what was measured and how.
	Text string
	Head []string
	Rows [][]string
}

// Report is what one run has measured.
type Report struct {
	// Host describes the machine, Command how the page was made.
	Host, Command string
	Goals         []Goal
	// Summary are tables that belong into the README as well.
	Summary []Table
	Details []Table
}

// detailsBegin ends what the README takes over of the page.
const detailsBegin = "## Details\n"

// Markdown is the page.
func (r *Report) Markdown() string {
	var b strings.Builder
	b.WriteString("# Performance\n\n")
	fmt.Fprintf(&b, "Measured by `%s` on %s. Times are medians of pairs measured in turn, with the least and the greatest in parentheses.\n\n", r.Command, r.Host)
	writeTable(&b, []string{"what", "goal", "measured", "met"}, goalRows(r.Goals))
	for _, cause := range causes(r.Goals) {
		b.WriteString(cause + "\n\n")
	}
	for _, t := range r.Summary {
		fmt.Fprintf(&b, "**%s.** %s\n\n", t.Title, t.Text)
		writeTable(&b, t.Head, t.Rows)
	}
	b.WriteString(detailsBegin)
	for _, t := range r.Details {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", t.Title, t.Text)
		writeTable(&b, t.Head, t.Rows)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func goalRows(goals []Goal) [][]string {
	rows := make([][]string, len(goals))
	for i, g := range goals {
		rows[i] = []string{g.What, g.Want, g.Measured, cmp.Or(g.Why, "no")}
		if g.Met {
			rows[i][3] = "yes"
		}
	}
	return rows
}

// causes are those of the goals that are not met, each once.
func causes(goals []Goal) []string {
	var all []string
	for _, g := range goals {
		if !g.Met && g.Cause != "" && !slices.Contains(all, g.Cause) {
			all = append(all, g.Cause)
		}
	}
	return all
}

func writeTable(b *strings.Builder, head []string, rows [][]string) {
	writeRow(b, head)
	b.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
	for _, row := range rows {
		writeRow(b, row)
	}
	b.WriteString("\n")
}

func writeRow(b *strings.Builder, cells []string) {
	b.WriteString("|")
	for _, c := range cells {
		b.WriteString(" " + strings.ReplaceAll(c, "|", "\\|") + " |")
	}
	b.WriteString("\n")
}

// Summary is what the README takes over of a page that Markdown made.
func Summary(page string) string {
	_, body, _ := strings.Cut(page, "\n") // the heading is the README's own
	body, _, _ = strings.Cut(body, detailsBegin)
	return strings.TrimSpace(body)
}
