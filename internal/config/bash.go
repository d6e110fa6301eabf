package config

import (
	"fmt"
	"regexp"
	"strings"
)

// compareWithBash warns of values that the bash daemon understood differently,
// so that an operator who moves from it sees what will change. Only the keys
// that it knew count, and only where the difference has a meaning: a comment
// after a number made it refuse the file, which changes nothing here.
func (b *build) compareWithBash() {
	for _, s := range b.doc.sections {
		for _, e := range s.entries {
			refused := b.refused[originKey(s.name, e.key.Name)]
			if text := e.bashDiffers(); text != "" && e.raw != "" && !refused {
				b.warn(e.line, s.name, e.key.Name, text)
			}
		}
	}
	b.compareNames()
}

func (e *entry) bashDiffers() string {
	isText := map[string]bool{"host": true, "user": true, "password": true, "database": true}[e.key.Name]
	switch {
	case !e.key.Classic:
		return ""
	case strings.Contains(e.raw, "="):
		return "the bash daemon cut this value at its first ="
	case e.quoted:
		return "the bash daemon kept the quotes as a part of the value"
	case e.comment && isText:
		return "the bash daemon kept the comment as a part of the value; if it is one, put quotes around the whole"
	}
	return ""
}

var punctuation = regexp.MustCompile(`[^A-Za-z0-9]`)

// compareNames warns of process names that the bash daemon took as patterns
// (regular expressions) and that matched something else than themselves.
func (b *build) compareNames() {
	alike := make(map[string][]string) // names that differ in punctuation alone
	for _, n := range b.names {
		shape := punctuation.ReplaceAllString(n, ".")
		alike[shape] = append(alike[shape], n)
	}
	for _, n := range b.names {
		if regexp.QuoteMeta(n) == n {
			continue
		}
		section := processPrefix + n
		pattern, err := regexp.Compile(`\A(?:` + n + `)\z`)
		if err != nil || !pattern.MatchString(n) {
			b.warn(b.doc.seen[section], section, "", "the bash daemon took the name as a pattern, which does not match the name itself: it never used this section")
			continue
		}
		for _, other := range alike[punctuation.ReplaceAllString(n, ".")] {
			if other != n && pattern.MatchString(other) {
				b.warn(b.doc.seen[section], section, "", fmt.Sprintf(
					"the bash daemon took the name as a pattern, which matches %s too", bracketed(processPrefix+other)))
				break
			}
		}
	}
}
