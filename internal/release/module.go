package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is one part of a built program.
type module struct {
	Path    string
	Version string
	// Sum is what go.sum has for it.
	Sum string
	// Licence is its SPDX identifier and Text what it says.
	Licence string
	Text    string
}

// standardLibrary is the name of Go's own part in every program.
const standardLibrary = "std"

// modules lists what is linked into a program, by the record that Go keeps in
// it: what is merely mentioned in go.mod is not there.
func modules(program string) (all []module, goVersion string, err error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, "", err
	}
	args := []string{"list", "-m", "-json"}
	sums := map[string]string{}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			return nil, "", fmt.Errorf("module %q is replaced: a release is built from published modules", dep.Path)
		}
		args = append(args, dep.Path+"@"+dep.Version)
		sums[dep.Path] = dep.Sum
	}
	out, err := goCommand(args...)
	if err != nil {
		return nil, "", err
	}
	root, err := goCommand("env", "GOROOT")
	if err != nil {
		return nil, "", err
	}
	std := module{Path: standardLibrary, Version: strings.TrimPrefix(info.GoVersion, "go")}
	if std.Licence, std.Text, err = licenceIn(strings.TrimSpace(string(root))); err != nil {
		return nil, "", err
	}
	all = append(all, std)
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Version, Dir string }
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, "", err
		}
		licence, text, err := licenceIn(m.Dir)
		if err != nil {
			return nil, "", fmt.Errorf("module %q: %w", m.Path, err)
		}
		all = append(all, module{m.Path, m.Version, sums[m.Path], licence, text})
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all, info.GoVersion, nil
}

func goCommand(args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...) //nolint:gosec // its arguments are modules, and no shell reads them
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out, nil
}

type mark struct{ licence, words string }

// marks are what tells the licences that may be in this program, each with the
// words that only it has. One that is not here has to be read by a human first,
// who then adds it or does without the module.
func marks() []mark {
	return []mark{
		{"Apache-2.0", "Apache License Version 2.0"},
		{"MPL-2.0", "Mozilla Public License Version 2.0"},
		{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
		{"BSD-3-Clause", "Neither the name of"},
		{"BSD-2-Clause", "Redistribution and use in source and binary forms, with or without modification"},
	}
}

// licenceIn reads the licence of a module.
func licenceIn(dir string) (licence, text string, err error) {
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		return recognise(string(content))
	}
	return "", "", errors.New("no file with a licence")
}

// recognise tells a licence by its text.
func recognise(text string) (licence, _ string, err error) {
	// Lines break, are quoted and have commas where each author liked it.
	squeeze := func(s string) string {
		return strings.NewReplacer(",", "", ">", "").Replace(strings.Join(strings.Fields(strings.ToLower(s)), ""))
	}
	for _, m := range marks() {
		if strings.Contains(squeeze(text), squeeze(m.words)) {
			return m.licence, text, nil
		}
	}
	return "", "", errors.New("its licence is none of those that are known and allowed")
}
