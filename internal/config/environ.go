package config

import "strings"

// readEnvironment lets environment variables override what the file says. An
// empty variable is a missing one. What is in a variable is the value itself:
// quotes and comments are the file's.
func (b *build) readEnvironment() {
	var names []string
	known := map[string]bool{PathVariable: true}
	for _, k := range b.table.keys {
		variable := k.Variable()
		if variable == "" {
			continue
		}
		known[variable] = true
		names = append(names, variable)
		value := lookup(b.environ, variable)
		if !k.Secret {
			value = strings.TrimSpace(value)
		}
		if value != "" {
			b.set(k, value, originKey(k.Section, k.Name),
				Origin{Source: SourceEnvironment, Variable: variable, Section: k.Section})
		}
	}
	for _, e := range b.environ {
		variable, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(variable, VariablePrefix) && !known[variable] {
			b.warnings = append(b.warnings, Warning{
				Text: "environment variable " + escaped(variable) + " means nothing here" + suggestVariable(variable, names),
			})
		}
	}
}

func suggestVariable(variable string, names []string) string {
	if strings.HasPrefix(variable, VariablePrefix+"PROCESS_") {
		return "; the sections [process.NAME] and [process.default] are not overridden by the environment"
	}
	// The prefix is the same in all of them and would make all of them near.
	for i, n := range names {
		names[i] = strings.TrimPrefix(n, VariablePrefix)
	}
	if near := nearest(strings.TrimPrefix(variable, VariablePrefix), names); near != "" {
		return "; did you mean " + VariablePrefix + near + "?"
	}
	return ""
}
