package config

import (
	"slices"
	"strings"
)

// maxSuggested is the longest word, in bytes, that is compared with others:
// no name of a key comes near it.
const maxSuggested = 64

// minStem is the least length, in bytes, at which the beginning of a word
// stands for the whole.
const minStem = 3

// nearest returns the candidate that a word was probably meant to be, or
// nothing where none is near.
func nearest(word string, candidates []string) string {
	if len(word) > maxSuggested {
		return ""
	}
	word = strings.ToLower(word)
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		candidate := strings.ToLower(c)
		d := distance(word, candidate)
		if len(word) >= minStem && strings.HasPrefix(candidate, word) {
			d = 1 // warn for warning
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters that must be inserted, removed, replaced or
// swapped with their neighbour to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

// Nearest returns the candidate that a word was probably meant to be, or
// nothing where none is near.
func Nearest(word string, candidates []string) string { return nearest(word, candidates) }

// suggestSection says which section an unknown one was probably meant to be,
// as the end of a sentence.
func suggestSection(name string) string {
	known := []string{sectionDatabase, sectionMonitor, sectionLogging, sectionControl, sectionHTTP, sectionNotify, defaultSection}
	if near := nearest(strings.TrimSpace(name), known); near != "" {
		return "; did you mean [" + near + "]?"
	}
	if name == sectionProcess {
		return "; did you mean [" + defaultSection + "]?"
	}
	head, tail, dotted := strings.Cut(name, ".")
	if dotted && nearest(head, []string{sectionProcess}) != "" {
		return "; did you mean " + bracketed(processPrefix+tail) + "?"
	}
	return "; there are [database], [monitor], [logging], [control], [http], [notify], [process.default] and [process.NAME]"
}

// suggestKey says which key an unknown one was probably meant to be, as the
// end of a sentence. kind is the kind of section that it stands in, empty for
// none.
func (t table) suggestKey(kind, name string) string {
	var here, elsewhere []string
	for _, k := range t.keys {
		switch {
		case k.Section == kind:
			here = append(here, k.Name)
		case k.Name == name:
			return "; it belongs in " + sectionLabel(k.Section)
		default:
			elsewhere = append(elsewhere, k.Name)
		}
	}
	if near := nearest(name, here); near != "" {
		return "; did you mean " + near + "?"
	}
	if near := nearest(name, elsewhere); near != "" {
		i := slices.IndexFunc(t.keys, func(k Key) bool { return k.Name == near })
		return "; did you mean " + near + " in " + sectionLabel(t.keys[i].Section) + "?"
	}
	return ""
}
