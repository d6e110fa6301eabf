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

	"github.com/spf13/cobra/doc"

	"monitor_service/internal/cli"
)

// manSection is where manuals of daemons and of their administration belong.
const manSection = "8"

// writeDocs writes manual pages and completions into the places below
// /usr/share (dir) where man, bash, zsh and fish look for them. The page with
// examples is made of the record of what the commands print.
func writeDocs(dir, record string, at time.Time) error {
	root := cli.Tree()
	root.DisableAutoGenTag = true // It has the date of the day.
	man := filepath.Join(dir, "man", "man"+manSection)
	if err := os.MkdirAll(man, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	root.Long = markdown(root.Long)
	for _, c := range root.Commands() {
		c.Long = markdown(c.Long)
	}
	header := doc.GenManHeader{Section: manSection, Source: root.Name(), Manual: "System Administration", Date: &at}
	if err := doc.GenManTree(root, &header, man); err != nil {
		return err
	}
	if err := completePages(man, root.Name()); err != nil {
		return err
	}
	if err := writeExamples(record, man, at); err != nil {
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

// indented is a line that help shows as it is. Markdown, which the library
// makes a page from, would run such lines together.
var indented = regexp.MustCompile(`(?m)^  (\S)`)

func markdown(text string) string { return indented.ReplaceAllString(text, "    $1") }

// completePages puts into the pages that the library has made what the manual
// has beside the commands; main is the page about the program as a whole.
func completePages(dir, main string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*."+manSection))
	if err != nil {
		return err
	}
	for _, path := range paths {
		made, err := os.ReadFile(path) //nolint:gosec // it was written a moment ago
		if err != nil {
			return err
		}
		page, err := complete(string(made), filepath.Base(path) == main+"."+manSection)
		if err != nil {
			return fmt.Errorf("cannot complete %q: %w", path, err)
		}
		if err := os.WriteFile(path, page, 0o644); err != nil { //nolint:gosec // for everybody to read
			return err
		}
	}
	return nil
}

// complete adds the sections to one page, in the order of man-pages(7). Every
// command has an exit status; the rest is in the main page.
func complete(page string, main bool) ([]byte, error) {
	before, after, found := strings.Cut(page, "\n.SH SEE ALSO\n")
	if !found {
		return nil, errors.New("it has no place for more sections")
	}
	sections, others := []cli.Section{cli.ExitStatuses()}, []string(nil)
	if main {
		sections = append([]cli.Section{cli.Commands()}, cli.Manual()...)
		others = []string{examplesPage() + "(" + manSection + ")", "systemctl(1)", "journalctl(1)", "systemd.exec(5)"}
	}
	var b bytes.Buffer
	b.WriteString(before + "\n")
	for _, s := range sections {
		writeSection(&b, s)
	}
	b.WriteString(".SH SEE ALSO\n" + strings.ReplaceAll(strings.TrimRight(after, "\n"), `\fB`, `\fB\%`))
	for _, other := range others {
		b.WriteString(", \\fB" + escaped(other) + "\\fP")
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
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
