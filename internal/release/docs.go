package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra/doc"

	"monitor_service/internal/cli"
)

// writeDocs writes manual pages and completions into the places below
// /usr/share (dir) where man, bash, zsh and fish look for them.
func writeDocs(dir string, at time.Time) error {
	root := cli.Tree()
	root.DisableAutoGenTag = true // It has the date of the day.
	man := filepath.Join(dir, "man", "man8")
	if err := os.MkdirAll(man, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	header := doc.GenManHeader{Section: "8", Source: root.Name(), Manual: "System Administration", Date: &at}
	if err := doc.GenManTree(root, &header, man); err != nil {
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
