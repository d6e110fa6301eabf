package config

import (
	"fmt"
	"strconv"
)

// Source is the kind of place that a value came from.
type Source int

// The sources.
const (
	SourceUnknown Source = iota
	SourceBuiltIn
	SourceFile
	SourceEnvironment
	SourceCredential
)

func (s Source) String() string {
	switch s {
	case SourceBuiltIn:
		return "built-in"
	case SourceFile:
		return "file"
	case SourceEnvironment:
		return "environment"
	case SourceCredential:
		return "credential"
	case SourceUnknown:
	}
	return "unknown"
}

// Origin is where a value came from.
type Origin struct {
	Source Source
	// File and Line are set for SourceFile, Section is the section it
	// stands in; Variable is set for SourceEnvironment. A password that was
	// read from a file of its own has that file, and no line.
	File     string
	Line     int
	Section  string
	Variable string
	// Credential is the name of the credential, for SourceCredential.
	Credential string
}

func (o Origin) String() string {
	switch o.Source {
	case SourceFile:
		return place(o.File, o.Line)
	case SourceEnvironment:
		return "$" + o.Variable
	case SourceCredential:
		return fmt.Sprintf("systemd credential %q", o.Credential)
	case SourceBuiltIn, SourceUnknown:
	}
	return o.Source.String()
}

// Origin says where the value of a key came from that belongs to no process.
func (c *Config) Origin(section, key string) Origin {
	if o, ok := c.origins[originKey(section, key)]; ok {
		return o
	}
	return Origin{Source: SourceBuiltIn}
}

// ProcessOrigin says where the value of a key came from that the process of
// exactly this name gets: its own section, [process.default] (both are
// SourceFile and differ in Section) or the built-in default.
func (c *Config) ProcessOrigin(name, key string) Origin {
	if o, ok := c.origins[originKey(processPrefix+name, key)]; ok {
		return o
	}
	return c.Origin(defaultSection, key)
}

func originKey(section, key string) string { return section + "\x00" + key }

// place is a position in a file as compilers write it.
func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return file + ":" + strconv.Itoa(line)
}
