package config

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

// Origin is where a value came from.
type Origin struct {
	Source Source
	// File and Line are set for SourceFile, Section is the section it
	// stands in; Variable is set for SourceEnvironment.
	File     string
	Line     int
	Section  string
	Variable string
}
