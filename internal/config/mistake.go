package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxShownMistakes bounds the text of Mistakes: somebody may have given
	// us a file that is something else altogether.
	maxShownMistakes = 50
	// maxShownValue bounds a value in a message, in bytes.
	maxShownValue = 80
)

// Mistake is one thing that is wrong with the configuration.
type Mistake struct {
	// File and Line are where it stands; Line is 0 where there is no line
	// to point at, such as for a key that is missing.
	File string
	Line int
	// Section and Key are empty where they are not known.
	Section string
	Key     string
	// Value is the text found. It is empty for a secret, and for a line of
	// which it is not known what it holds.
	Value string
	// Variable is the environment variable that holds the value; File and
	// Line are then empty.
	Variable string
	// Problem says what is wrong with it, and what is allowed or how to get
	// out of it.
	Problem string
}

func (m Mistake) String() string {
	var b strings.Builder
	if m.Variable != "" {
		b.WriteString("environment variable " + m.Variable)
	} else {
		b.WriteString(place(m.File, m.Line))
		if m.Section != "" {
			b.WriteString(": " + bracketed(m.Section))
		} else if m.Key != "" {
			b.WriteString(":")
		}
		if m.Key != "" {
			b.WriteString(" " + m.Key)
		}
	}
	if m.Value != "" {
		b.WriteString(" = " + shown(m.Value))
	}
	return b.String() + ": " + m.Problem
}

// Mistakes is everything that is wrong with a configuration. It is the error
// of Load and is never empty there.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	if len(m) == 1 {
		return m[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the configuration has %d mistakes:", len(m))
	for i, one := range m {
		if i == maxShownMistakes {
			fmt.Fprintf(&b, "\n  and %d more", len(m)-i)
			break
		}
		b.WriteString("\n  " + one.String())
	}
	return b.String()
}

// sort brings the mistakes into the order of the file; what has no line comes
// after it, and the environment last.
func (m Mistakes) sort() {
	rank := func(x Mistake) int {
		switch {
		case x.Variable != "":
			return 2
		case x.Line == 0:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Line, b.Line))
	})
}

// Warning is something that is allowed and that an operator should know.
type Warning struct {
	// File and Line are where it stands; both are empty for the
	// environment, and Line is 0 where there is no line to point at.
	File    string
	Line    int
	Section string
	Key     string
	Text    string
}

func (w Warning) String() string {
	if w.File == "" {
		return w.Text
	}
	where := place(w.File, w.Line) + ":"
	if w.Section != "" {
		where += " " + bracketed(w.Section)
	}
	if w.Key != "" {
		where += " " + w.Key
	}
	return strings.TrimSuffix(where, ":") + ": " + w.Text
}

// bracketed is a section's name as it stands in the file, made fit for a
// terminal: a name is any text.
func bracketed(section string) string { return "[" + escaped(section) + "]" }

// escaped is shown without the quotes.
func escaped(text string) string {
	quoted := shown(text)
	return quoted[1 : len(quoted)-1]
}

// shown is a text from outside, quoted, escaped and cut to a length that a
// message can bear.
func shown(text string) string {
	if len(text) <= maxShownValue {
		return fmt.Sprintf("%q", text)
	}
	end := maxShownValue
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%q", text[:end]+"…")
}
