package cli

import (
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/sys/unix"
)

// screen is where output goes: a terminal with a width and perhaps colours, or
// a file or a pipe that has neither.
type screen struct {
	io.Writer
	// width is the terminal's in columns, 0 where there is no terminal and
	// lines may be as long as they are.
	width int
	// height is the terminal's in lines.
	height int
	color  bool
}

// noColor is a variable that keeps colours away, see no-color.org.
const noColor = "NO_COLOR"

// newScreen looks at what the output is.
func newScreen(w io.Writer, environ []string) screen {
	s := screen{Writer: w}
	f, ok := w.(*os.File)
	if !ok {
		return s
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return s
	}
	const usualWidth, usualHeight = 80, 24
	s.width, s.height = int(size.Col), int(size.Row)
	if s.width == 0 || s.height == 0 {
		s.width, s.height = usualWidth, usualHeight
	}
	s.color = variable(environ, noColor) == "" && variable(environ, "TERM") != "dumb"
	return s
}

func (s screen) isTerminal() bool { return s.width > 0 }

func variable(environ []string, name string) string {
	for _, v := range environ {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// color is a colour of a terminal, by its number (ECMA-48, SGR).
type color string

const (
	plainColor color = ""
	bold       color = "1"
	dim        color = "2"
	red        color = "31"
	green      color = "32"
	yellow     color = "33"
)

func (s screen) paint(c color, text string) string {
	if !s.color || c == plainColor || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// width is how many columns a text takes.
func width(text string) int { return runewidth.StringWidth(text) }

// fit cuts a text to so many columns.
func fit(text string, columns int) string {
	if width(text) <= columns {
		return text
	}
	return runewidth.Truncate(text, columns, "…")
}

// painted is a colour as paint writes it.
var painted = regexp.MustCompile("\x1b\\[[0-9]*m")

// fitPainted cuts a line that paint may have painted to so many columns. What
// comes of the colours beyond the end is kept, or the last one would not end.
func fitPainted(line string, columns int) string {
	if width(painted.ReplaceAllString(line, "")) <= columns {
		return line
	}
	var b strings.Builder
	left := columns - 1 // for the mark
	cutOff := false
	write := func(text string) {
		if cutOff || text == "" {
			return
		}
		if width(text) > left {
			text, cutOff = runewidth.Truncate(text, left, "")+"…", true
		}
		left -= width(text)
		b.WriteString(text)
	}
	at := 0
	for _, m := range painted.FindAllStringIndex(line, -1) {
		write(line[at:m[0]])
		b.WriteString(line[m[0]:m[1]])
		at = m[1]
	}
	write(line[at:])
	return b.String()
}

// wrapAll breaks lines that paint may have painted after so many columns. Those
// that are broken lose their colours.
func wrapAll(lines []string, columns int) []string {
	var all []string
	for _, line := range lines {
		plain := painted.ReplaceAllString(line, "")
		if width(plain) <= columns {
			all = append(all, line)
			continue
		}
		parts := strings.Split(runewidth.Wrap(plain, max(2, columns)), "\n")
		if len(parts) > mostParts {
			parts = append(parts[:mostParts-1], fit(strings.Join(parts[mostParts-1:], ""), columns))
		}
		all = append(all, parts...)
	}
	return all
}

// mostParts is into how many lines one is broken at most: an error can be long.
const mostParts = 4

// pad fills a text up to so many columns.
func pad(text string, columns int) string { return runewidth.FillRight(text, columns) }
