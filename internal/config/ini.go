package config

import (
	"gopkg.in/ini.v1"
)

// confirm parses the file with ini.v1 and takes the values from there. The
// scanner has to have seen the very same sections, keys and values: where the
// two disagree it is not known what the operator meant, and that is a mistake.
//
// ini.v1 gets the file without comments, and with every one of its own
// conveniences off: it has no idea of quotes that protect a comment, joins
// lines at a backslash, lets dotted sections inherit, and merges what is there
// twice. Only Key.Value is asked: Key.String would expand "%(name)s", without
// a limit where a value names itself.
func (d *document) confirm() *Mistake {
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation:         true,
		IgnoreInlineComment:        true, // the scanner has taken the comments off
		PreserveSurroundedQuote:    true, // so that the quotes of commands stay
		AllowShadows:               true,
		AllowDuplicateShadowValues: true,
		AllowNonUniqueSections:     true,
		ChildSectionDelimiter:      "\x00",
		KeyValueDelimiters:         "=",
	}, d.stripped)
	if err != nil {
		// The error quotes the line, which may hold a password.
		return d.disagree(0)
	}
	parsed := file.Sections()
	if len(parsed) != len(d.sections)+1 || len(parsed[0].Keys()) != 0 { // the first is what stands before all sections
		return d.disagree(0)
	}
	for i, s := range d.sections {
		keys := parsed[i+1].Keys()
		if parsed[i+1].Name() != s.name || len(keys) != len(s.entries) {
			return d.disagree(s.line)
		}
		for j, e := range s.entries {
			if keys[j].Name() != e.key.Name || keys[j].Value() != e.raw || len(keys[j].ValueWithShadows()) > 1 {
				return d.disagree(e.line)
			}
			e.take(keys[j].Value())
		}
	}
	return nil
}

func (d *document) disagree(line int) *Mistake {
	return &Mistake{File: d.file, Line: line, Problem: "it is not clear what this means: two readers of the file understand it differently; write it more plainly"}
}
