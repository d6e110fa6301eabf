package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"

	"monitor_service/internal/cli"
)

// examplesSource is the record of what the commands print, which a test makes
// and compares, from the top of the repository.
const examplesSource = "deploy/COMMANDS.md"

// examplesPage names the manual page with the same.
func examplesPage() string { return cli.Tree().Name() + "-examples" }

// writeExamples makes the record at source a manual page in dir.
func writeExamples(source, dir string, at time.Time) error {
	record, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	page, err := examples(record, at)
	if err != nil {
		return fmt.Errorf("cannot make a manual page of %q: %w", source, err)
	}
	return os.WriteFile(filepath.Join(dir, examplesPage()+"."+manSection), page, 0o644) //nolint:gosec // for everybody to read
}

var (
	recordTitle = regexp.MustCompile(`\A# .*\n`)
	// What a test looks for in the record, and no reader does.
	recordMarks = regexp.MustCompile(`(?m)^<!--.*-->\n\n?`)
	// In what is printed a bare minus would be a hyphen, as in escaped.
	printed     = regexp.MustCompile(`(?s)\n\.EX\n.*?\n\.EE\n`)
	recordParts = regexp.MustCompile(`(?m)^## `)
)

// examples puts what a manual page must have (man-pages(7)) around a record in
// Markdown.
func examples(record []byte, at time.Time) ([]byte, error) {
	if !recordTitle.Match(record) || !recordParts.Match(record) {
		return nil, fmt.Errorf("it does not begin with a title, or has no parts")
	}
	text := recordTitle.ReplaceAll(record, nil)
	text = recordMarks.ReplaceAll(text, nil)
	text = recordParts.ReplaceAll(text, []byte("# "))
	name := cli.Tree().Name()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%% \"%s\" %q %q %q %q\n", examplesPage(), manSection, at.Format("Jan 2006"), name, "System Administration")
	fmt.Fprintf(&b, "# NAME\n%s - what the commands print, for each state of a process\n\n# DESCRIPTION\n", examplesPage())
	b.Write(text)
	fmt.Fprintf(&b, "\n# SEE ALSO\n**%s(%s)**\n", name, manSection)
	return printed.ReplaceAllFunc(md2man.Render(b.Bytes()), func(block []byte) []byte {
		return bytes.ReplaceAll(block, []byte("-"), []byte(`\-`))
	}), nil
}
