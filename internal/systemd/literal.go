package systemd

import "strings"

// altered are the characters that systemd does not carry through unchanged in
// the command of a transient unit. It expands variables, and what keeps it from
// that does not outlive a daemon-reload, at which it reads what it has written
// of the unit: in systemd 252 "$$" has become "$$$$" then, ";" has become "\;",
// and ExecStartEx, the command that is not to be expanded, is not known.
const altered = "$;"

// Literal returns a script for the shell that does what script does and has
// none of the altered characters in it, for the Command of a Transient.
func Literal(script string) string {
	if !strings.ContainsAny(script, altered) {
		return script
	}
	return "eval \"`printf %b '" + octal.Replace(script) + "'`\""
}

// octal is what printf's %b turns back, with nothing in it that has a meaning
// inside of backquotes and quotes.
var octal = strings.NewReplacer("$", `\0044`, ";", `\0073`, `\`, `\0134`, "`", `\0140`, `"`, `\0042`, "'", `\0047`, "\n", `\0012`)
