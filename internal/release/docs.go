package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"monitor_service/internal/cli"
)

// manSection is where manuals of daemons and of their administration belong.
const manSection = "8"

// seeAlso are the pages of others that the main page points to.
var seeAlso = []string{"systemctl(1)", "journalctl(1)", "systemd.exec(5)"}

// writeDocs writes manual pages and completions into the places below
// /usr/share (dir) where man, bash, zsh and fish look for them.
func writeDocs(dir string, at time.Time) error {
	root := cli.Tree()
	root.DisableAutoGenTag = true // It has the date of the day.
	man := filepath.Join(dir, "man", "man"+manSection)
	if err := os.MkdirAll(man, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	if err := writePages(root, man, at); err != nil {
		return err
	}
	name := root.Name()
	return errors.Join(
		write(filepath.Join(dir, "bash-completion", "completions", name), func(path string) error {
			return root.GenBashCompletionFileV2(path, true)
		}),
		write(filepath.Join(dir, "zsh", "site-functions", "_"+name), root.GenZshCompletionFile),
		write(filepath.Join(dir, "fish", "vendor_completions.d", name+".fish"), func(path string) error {
			return root.GenFishCompletionFile(path, true)
		}),
	)
}

func write(path string, generate func(path string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	return generate(path)
}

// writePages writes the page of a command and of all below it.
func writePages(c *cobra.Command, dir string, at time.Time) error {
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writePages(sub, dir, at); err != nil {
			return err
		}
	}
	page, err := page(c, at)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	return os.WriteFile(filepath.Join(dir, name+"."+manSection), page, 0o644) //nolint:gosec // for everybody to read
}

// indented is a line that help shows as it is. Markdown, which the library
// makes a page from, would run such lines together.
var indented = regexp.MustCompile(`(?m)^  (\S)`)

// page is the manual page of a command: what the library makes of it, and what
// the manual has beside.
func page(c *cobra.Command, at time.Time) ([]byte, error) {
	c.Long = indented.ReplaceAllString(c.Long, "    $1")
	root := c.Root()
	header := doc.GenManHeader{Section: manSection, Source: root.Name(), Manual: "System Administration", Date: &at}
	var made bytes.Buffer
	if err := doc.GenMan(c, &header, &made); err != nil {
		return nil, err
	}
	before, after, found := strings.Cut(made.String(), "\n.SH SEE ALSO\n")
	if !found {
		return nil, fmt.Errorf("the page of %q has no place for more sections", c.CommandPath())
	}
	var b bytes.Buffer
	b.WriteString(before + "\n")
	if c == root {
		writeSection(&b, commands(c))
	}
	for i, s := range cli.Manual() {
		if i == 0 || c == root { // every command has an exit status
			writeSection(&b, s)
		}
	}
	b.WriteString(".SH SEE ALSO\n" + strings.ReplaceAll(strings.TrimRight(after, "\n"), `\fB`, `\fB\%`))
	if c == root {
		for _, other := range seeAlso {
			b.WriteString(", \\fB" + escaped(other) + "\\fP")
		}
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// commands lists what the program can do.
func commands(root *cobra.Command) cli.Section {
	s := cli.Section{Title: "Commands"}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand() {
			use := strings.TrimPrefix(c.UseLine(), root.Name()+" ")
			s.Entries = append(s.Entries, cli.Entry{Term: strings.TrimSuffix(use, " [flags]"), Text: c.Short})
		}
	}
	return s
}

// writeSection writes a section in the language of manual pages, man(7).
func writeSection(b *bytes.Buffer, s cli.Section) {
	fmt.Fprintf(b, ".SH %s\n", strings.ToUpper(s.Title))
	for _, e := range s.Entries {
		fmt.Fprintf(b, ".TP\n\\fB%s\\fP\n%s\n", escaped(e.Term), escaped(e.Text))
	}
}

// escaped keeps groff from acting upon a text. A dot at its beginning would be
// a request, a bare minus is a hyphen, which nobody can search for, and a name
// that is broken in two cannot be copied.
func escaped(text string) string {
	words := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), " ")
	for i, w := range words {
		if strings.ContainsAny(w, "_-/") {
			words[i] = `\%` + w
		}
	}
	return `\&` + strings.Join(words, " ")
}
