package config

import (
	"fmt"
	"strings"
)

// The sections. A process's own section is processPrefix and its name.
const (
	sectionDatabase = "database"
	sectionMonitor  = "monitor"
	sectionLogging  = "logging"
	sectionControl  = "control"
	sectionHTTP     = "http"
	sectionNotify   = "notify"
	sectionProcess  = "process"
	processPrefix   = sectionProcess + "."
	defaultSection  = processPrefix + "default"
)

// VariablePrefix begins the environment variables that override keys.
const VariablePrefix = "MONITOR_SERVICE_"

// Key is one key of config.ini. The keys are the one table that validation,
// suggestions, environment variables and documentation come from.
type Key struct {
	// Section is "database", "monitor", "logging", "control", "http", "notify"
	// or, for the sections [process.NAME] and [process.default], "process".
	Section string
	Name    string
	// Default is what holds without the key, as a person reads it.
	Default string
	// Allowed says which values there are, with their limits.
	Allowed string
	Meaning string
	// Command says that the value is a shell command: its quotes and " ;"
	// belong to it.
	Command bool
	// Secret says that the value is never shown.
	Secret bool
	// Own says that the key stands only in a process's own section, not in
	// [process.default].
	Own bool
	// Classic says that the bash daemon knew the key too.
	Classic bool

	// secretFile says that the value is the path of a file with a secret,
	// and address that it is where something is reached: see showable.
	secretFile, address bool
	// builtin is the default as it would stand in the file, empty for none.
	builtin string
	// set reads a value into the draft.
	set func(d *draft, text string) error
}

// draft is a configuration under construction, with what is not part of the
// finished one.
type draft struct {
	*Config
	// own is the process whose section is read.
	own          Process
	password     string
	passwordFile string
	// What [notify] says in its file, before files and credentials.
	smtpPassword, smtpPasswordFile string
	webhookURL, webhookURLFile     string
}

// newKey makes a key whose value follows the rule and lands in the field.
func newKey[T any](section, name, builtin string, r rule[T], field func(*draft) *T, meaning string) Key {
	k := Key{
		Section: section, Name: name, Default: builtin, builtin: builtin,
		Allowed: r.allowed, Meaning: meaning,
		set: func(d *draft, text string) error {
			v, err := r.read(text)
			if err != nil {
				return err
			}
			*field(d) = v
			return nil
		},
	}
	if builtin == "" {
		k.Default = "–"
	}
	return k
}

// shows says what a person reads as the default.
func (k Key) shows(text string) Key { k.Default = text; return k }

func (k Key) command() Key { k.Command = true; return k }
func (k Key) secret() Key  { k.Secret = true; return k }
func (k Key) onlyOwn() Key { k.Own = true; return k }
func (k Key) classic() Key { k.Classic = true; return k }

func (k Key) ofSecret() Key  { k.secretFile = true; return k }
func (k Key) ofAddress() Key { k.address = true; return k }

// Variable is the environment variable that overrides the key, empty where
// there is none.
func (k Key) Variable() string {
	if k.Section == sectionProcess {
		return ""
	}
	return variableName(k.Section, k.Name)
}

// variableName makes the variable's name of a section's and a key's: capitals,
// and _ for everything else.
func variableName(section, key string) string {
	return VariablePrefix + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, section+"_"+key)
}

// Keys lists every key, section by section.
func Keys() []Key {
	var keys []Key
	keys = append(keys, databaseKeys()...)
	keys = append(keys, monitorKeys()...)
	keys = append(keys, loggingKeys()...)
	keys = append(keys, controlKeys()...)
	keys = append(keys, httpKeys()...)
	keys = append(keys, notifyKeys()...)
	return append(keys, processKeys()...)
}

// KeyTable is the documentation of the keys: a Markdown table for each kind
// of section.
func KeyTable() string {
	var b strings.Builder
	section := ""
	for _, k := range Keys() {
		if k.Section != section {
			if section != "" {
				b.WriteByte('\n')
			}
			section = k.Section
			fmt.Fprintf(&b, "### %s\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n", sectionLabel(section))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, cell(k.Default), cell(k.Allowed), cell(k.Meaning))
	}
	return b.String()
}

// cell makes a text fit for a cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;").Replace(text)
}

func sectionLabel(kind string) string {
	if kind == sectionProcess {
		return "[process.NAME] and [process.default]"
	}
	return "[" + kind + "]"
}

// table finds keys.
type table struct {
	keys   []Key
	byName map[string]Key
}

func newTable() table {
	t := table{keys: Keys(), byName: make(map[string]Key)}
	for _, k := range t.keys {
		t.byName[originKey(k.Section, k.Name)] = k
	}
	return t
}

// find returns the key of this name in a kind of section.
func (t table) find(kind, name string) (Key, bool) {
	k, ok := t.byName[originKey(kind, name)]
	return k, ok
}

// kindOf returns the kind of a section, empty for one that does not exist.
func kindOf(section string) string {
	switch section {
	case sectionDatabase, sectionMonitor, sectionLogging, sectionControl, sectionHTTP, sectionNotify:
		return section
	}
	if len(section) > len(processPrefix) && strings.HasPrefix(section, processPrefix) {
		return sectionProcess
	}
	return ""
}
