package config

import (
	"cmp"
	"slices"
	"strings"
)

// build makes a Config out of a document and the environment, and collects
// what is wrong on the way.
type build struct {
	draft
	table    table
	doc      document
	environ  []string
	mistakes Mistakes
	warnings []Warning
	// refused has the originKey of every value that is a mistake, so that
	// nobody calls it missing as well.
	refused map[string]bool
}

func (b *build) result() (*Config, []Warning, error) {
	slices.SortStableFunc(b.warnings, func(x, y Warning) int {
		return cmp.Or(cmp.Compare(y.File, x.File), cmp.Compare(x.Line, y.Line)) // the environment has no file and comes last
	})
	if len(b.mistakes) > 0 {
		b.mistakes.sort()
		return nil, b.warnings, b.mistakes
	}
	return b.Config, b.warnings, nil
}

func (b *build) everything() {
	b.Config = &Config{Path: b.doc.file, processes: make(map[string]Process), origins: make(map[string]Origin)}
	b.refused = make(map[string]bool)
	for id := range b.doc.seen {
		b.refused[id] = true // until its value is accepted
	}
	b.setDefaults()
	for _, s := range b.doc.sections {
		if s.kind != sectionProcess {
			b.read(s)
		}
	}
	b.readEnvironment()
	b.readProcesses()
	b.findPassword()
	b.checkDatabase()
	b.checkMonitor()
	b.checkHTTP()
	b.checkNotify()
	b.checkProcesses()
	b.compareWithBash()
}

// setDefaults reads the built-in defaults by the same rules as the file's.
func (b *build) setDefaults() {
	for _, k := range b.table.keys {
		if k.builtin == "" {
			continue
		}
		if err := k.set(&b.draft, k.builtin); err != nil {
			b.mistakes = append(b.mistakes, Mistake{
				File: b.doc.file, Section: k.Section, Key: k.Name, Value: k.builtin,
				Problem: "the built-in default " + err.Error(),
			})
		}
	}
	b.fallback = b.own
}

// readProcesses lays [process.default] over the built-in defaults, and each
// process's own section over that.
func (b *build) readProcesses() {
	for _, s := range b.doc.sections {
		if s.name == defaultSection {
			b.own = b.fallback
			b.read(s)
			b.fallback = b.own
		}
	}
	for _, s := range b.doc.sections {
		if s.kind != sectionProcess || s.name == defaultSection {
			continue
		}
		b.own = b.fallback
		b.own.Name, b.own.Configured = strings.TrimPrefix(s.name, processPrefix), true
		b.read(s)
		b.own.OwnStartCommand = b.given(s.name, "start_command")
		b.processes[b.own.Name] = b.own
		b.names = append(b.names, b.own.Name)
	}
}

// read sets every value of a section. An empty value is a missing one.
func (b *build) read(s *section) {
	for _, e := range s.entries {
		id := originKey(s.name, e.key.Name)
		switch {
		case e.value == "":
			delete(b.refused, id)
		case e.key.Own && s.name == defaultSection:
			b.mistake(Mistake{
				File: b.doc.file, Line: e.line, Section: s.name, Key: e.key.Name, Value: e.value,
				Problem: "every alarm would act upon this one " + e.key.Name + ": set it in the section [process.NAME] of the process that it belongs to",
			})
		default:
			b.set(e.key, e.value, id, Origin{Source: SourceFile, File: b.doc.file, Line: e.line, Section: s.name})
		}
	}
}

// set gives a key its value, or says what is wrong with it.
func (b *build) set(k Key, value, id string, o Origin) {
	if err := k.set(&b.draft, value); err != nil {
		b.refused[id] = true
		b.mistake(Mistake{
			File: o.File, Line: o.Line, Section: o.Section, Key: k.Name, Variable: o.Variable,
			Value: k.showable(value), Problem: err.Error() + "; allowed: " + k.Allowed,
		})
		return
	}
	delete(b.refused, id)
	b.origins[id] = o
}

func (b *build) mistake(m Mistake) { b.mistakes = append(b.mistakes, m) }

func (b *build) warn(line int, section, key, text string) {
	b.warnings = append(b.warnings, Warning{File: b.doc.file, Line: line, Section: section, Key: key, Text: text})
}

// given says whether the file or the environment gave the key a value.
func (b *build) given(section, key string) bool {
	_, ok := b.origins[originKey(section, key)]
	return ok
}

// mistakeAt points at where a key's value came from; for a key that has none,
// at its section.
func (b *build) mistakeAt(section, key, problem string) {
	o := b.origins[originKey(section, key)]
	m := Mistake{File: o.File, Line: o.Line, Section: section, Key: key, Variable: o.Variable, Problem: problem}
	if o.Source != SourceFile && o.Source != SourceEnvironment {
		m.File, m.Line = b.doc.file, b.doc.seen[section]
	}
	b.mistake(m)
}

// warnAt points at where a key's value came from.
func (b *build) warnAt(section, key, text string) {
	o := b.origins[originKey(section, key)]
	if o.Source == SourceEnvironment {
		b.warnings = append(b.warnings, Warning{Text: "environment variable " + o.Variable + ": " + text})
		return
	}
	b.warn(o.Line, section, key, text)
}
