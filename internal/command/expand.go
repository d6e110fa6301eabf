package command

import (
	"fmt"
	"strings"

	"monitor_service/internal/config"
)

// placeholder stands for the process's name in a command line.
const placeholder = "%s"

// UsesName says whether the line has a place for the process's name.
func UsesName(line string) bool { return strings.Contains(line, placeholder) }

// Expand fills the process's name into a command line. The name comes from
// the database: one that is not a config.SafeName would be read by the shell
// as more than a word, and is refused where the line has a place for it.
func Expand(line, name string) (string, error) {
	if !UsesName(line) {
		return line, nil
	}
	if !config.SafeName(name) {
		return "", fmt.Errorf("cannot put the process name %s into a command: "+
			"only letters, digits and _ . @ : + - are allowed, at most %d of them, and neither - nor . at the start",
			Quote(name), config.MaxNameLength)
	}
	return strings.ReplaceAll(line, placeholder, name), nil
}

// maxQuoted bounds a foreign name in an error, in bytes.
const maxQuoted = 80

// Quote quotes a name that is not trusted, cut to a bounded length.
func Quote(name string) string {
	if len(name) > maxQuoted {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(name[:maxQuoted], ""))
	}
	return fmt.Sprintf("%q", name)
}

// Quoted returns text as one word of a shell's script.
func Quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
