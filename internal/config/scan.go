package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxFile bounds config.ini, in bytes: room for some thousand sections.
	maxFile = 1 << 20
	// maxLine bounds one line of it, in bytes.
	maxLine = 16 << 10
)

var keyName = regexp.MustCompile(`\A[A-Za-z0-9_][A-Za-z0-9_.-]*\z`)

// document is config.ini as the scanner saw it: what ini.v1 does not tell,
// namely lines, comments and what is there twice.
type document struct {
	file     string
	sections []*section
	// stripped is the file without its comments, line for line: what
	// ini.v1 parses.
	stripped []byte
	// seen has the line of each section by name, and of each key by
	// originKey, also of those whose value is refused.
	seen map[string]int
	// hopeless says that the content is no text, and nothing in it was read.
	hopeless bool
}

// trust takes the values as the scanner understood them.
func (d *document) trust() {
	for _, s := range d.sections {
		for _, e := range s.entries {
			e.take(e.raw)
		}
	}
}

// section is one section of the file.
type section struct {
	name string
	line int
	// kind is empty for a section that is not read because something is
	// wrong with its head: its keys are then no mistakes of their own.
	kind    string
	entries []*entry
}

// entry is one key and its value.
type entry struct {
	key  Key
	line int
	// raw is the text after "=" without comment and surrounding blanks, its
	// quotes still on.
	raw string
	// value is raw without the quotes around it, where they come off.
	value string
	// quoted and comment say that quotes came off, or a comment.
	quoted, comment bool
}

// take sets the value from the text that stands in the file.
func (e *entry) take(raw string) {
	e.value = raw
	if !e.key.Command {
		e.value, e.quoted = unquote(raw)
	}
}

// scanner reads a file line by line. It is the one place that knows what a
// line is, where a comment begins and what quotes do.
type scanner struct {
	document
	table    table
	mistakes Mistakes
	line     int
	// current is the section that the line stands in, nil before the first.
	current *section
}

// scan splits the content of a file into sections and keys, and finds every
// mistake that can be told without looking at the values.
func scan(file string, content []byte, t table) (document, Mistakes) {
	s := &scanner{document: document{file: file, seen: make(map[string]int)}, table: t}
	if problem := unreadable(content); problem != "" {
		s.hopeless = true
		return s.document, Mistakes{{File: file, Problem: problem}}
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // as editors on Windows write it
	for line := range strings.Lines(string(content)) {
		s.line++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		s.stripped = append(s.stripped, s.scanLine(line)...)
		s.stripped = append(s.stripped, '\n')
	}
	return s.document, s.mistakes
}

// unreadable says why a file is not even looked at line by line.
func unreadable(content []byte) string {
	switch {
	case len(content) > maxFile:
		return fmt.Sprintf("the file is larger than %d KB", maxFile/kib)
	case bytes.HasPrefix(content, []byte{0xff, 0xfe}), bytes.HasPrefix(content, []byte{0xfe, 0xff}):
		return "the file is UTF-16: save it as UTF-8"
	case bytes.IndexByte(content, 0) >= 0:
		return "the file has NUL bytes in it: it is no text"
	}
	if utf8.Valid(content) {
		return ""
	}
	good := content
	for len(good) > 0 {
		r, n := utf8.DecodeRune(good)
		if r == utf8.RuneError && n == 1 {
			break
		}
		good = good[n:]
	}
	line := 1 + bytes.Count(content[:len(content)-len(good)], []byte("\n"))
	return fmt.Sprintf("line %d is not UTF-8: save the file as UTF-8", line)
}

// scanLine reads one line and returns it without its comment.
func (s *scanner) scanLine(line string) string {
	if len(line) > maxLine {
		s.mistake(Mistake{Problem: fmt.Sprintf("the line is longer than %d KB", maxLine/kib)})
		return ""
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(line[i:])
		s.mistake(Mistake{Problem: fmt.Sprintf("the line has the control character %U in it", r)})
		return ""
	}
	text := strings.TrimSpace(line)
	switch {
	case text == "", text[0] == '#', text[0] == ';':
		return ""
	case text[0] == '[':
		return s.scanHead(text)
	}
	return s.scanEntry(text)
}

// scanHead reads the head of a section.
func (s *scanner) scanHead(text string) string {
	// Whatever is wrong with the head, the keys below it belong to it.
	s.current = &section{line: s.line}
	end := strings.IndexByte(text, ']')
	if end < 0 {
		s.mistake(Mistake{Problem: "the section's name is not closed with ]"})
		return ""
	}
	name, rest := text[1:end], strings.TrimSpace(text[end+1:])
	bad := Mistake{Section: name}
	first, twice := s.seen[name]
	switch {
	case rest != "" && rest[0] != '#' && rest[0] != ';':
		bad.Problem = "there is text after the section's name"
	case name == processPrefix:
		bad.Problem = "the name of the process is missing"
	case name != withoutBlanks(name):
		bad.Problem = "there are blanks around the name, and names match exactly: write " + bracketed(withoutBlanks(name))
	case kindOf(name) == "":
		bad.Problem = "there is no such section" + suggestSection(name)
	case twice:
		bad.Problem = fmt.Sprintf("the section is there already, at line %d: put its keys together", first)
	default:
		s.seen[name] = s.line
		s.current.name, s.current.kind = name, kindOf(name)
		s.sections = append(s.sections, s.current)
		return text[:end+1]
	}
	s.mistake(bad)
	return ""
}

// withoutBlanks is a section's name without the blanks around it and around
// the name of the process in it.
func withoutBlanks(name string) string {
	name = strings.TrimSpace(name)
	if process, ok := strings.CutPrefix(name, processPrefix); ok {
		return processPrefix + strings.TrimSpace(process)
	}
	return name
}

// scanEntry reads a key and its value.
func (s *scanner) scanEntry(text string) string {
	name, rest, found := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	if !found || !keyName.MatchString(name) {
		// What stands there is not shown: it may be a part of a password.
		s.mistake(Mistake{Section: s.sectionName(), Problem: "the line is no key = value, no [section] and no comment"})
		return ""
	}
	if s.current == nil {
		s.mistake(Mistake{Key: name, Problem: "the key stands before the first section" + s.suggestKey("", name)})
		return ""
	}
	if s.current.kind == "" {
		return ""
	}
	bad := Mistake{Section: s.current.name, Key: name}
	k, known := s.table.find(s.current.kind, name)
	if !known {
		bad.Problem = "there is no such key" + s.suggestKey(s.current.kind, name)
		s.mistake(bad)
		return ""
	}
	id := originKey(s.current.name, name)
	if first, twice := s.seen[id]; twice {
		bad.Problem = fmt.Sprintf("the key is there already, at line %d", first)
		s.mistake(bad)
		return ""
	}
	s.seen[id] = s.line

	end, problem := valueEnd(rest, k.Command)
	raw := strings.TrimSpace(rest[:end])
	if problem == "" {
		problem = unfit(raw)
	}
	if problem != "" {
		bad.Problem, bad.Value = problem, k.showable(strings.TrimSpace(rest))
		s.mistake(bad)
		return ""
	}
	s.current.entries = append(s.current.entries,
		&entry{key: k, line: s.line, raw: raw, comment: strings.TrimSpace(rest[end:]) != ""})
	return text[:len(text)-len(rest)+end]
}

// suggestKey is the table's as long as anybody will read it: a file that has
// nothing to do with us would make it work for long.
func (s *scanner) suggestKey(kind, name string) string {
	if len(s.mistakes) > maxShownMistakes {
		return ""
	}
	return s.table.suggestKey(kind, name)
}

// unfit says why a value cannot be handed to ini.v1, which takes it for the
// beginning of a text of several lines.
func unfit(raw string) string {
	const wayOut = "the value begins with %s, which would begin a text of several lines: "
	switch {
	case strings.HasPrefix(raw, "`"):
		return fmt.Sprintf(wayOut, "a backquote") + "write $(…) in a command, and quotes around any other value"
	case strings.HasPrefix(raw, `"""`):
		return fmt.Sprintf(wayOut, "three quotes") + "write one"
	}
	return ""
}

func (s *scanner) sectionName() string {
	if s.current == nil {
		return ""
	}
	return s.current.name
}

func (s *scanner) mistake(m Mistake) {
	m.File, m.Line = s.file, s.line
	s.mistakes = append(s.mistakes, m)
}
