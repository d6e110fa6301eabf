package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

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
		{"BSD-3-Clause", "Neither the names of"},
		{"BSD-2-Clause", "Redistribution and use in source and binary forms, with or without modification"},
	}
}

// provisos are what makes another licence of one whose mark is there all the
// same: the advertising clause of the BSD with four, and what takes back the
// right to sell.
func provisos() []string { return []string{"advertising materials", "Commons Clause"} }

// squeeze takes out of a text what each author has where it was liked: breaks
// of lines, marks of quotation, commas.
func squeeze(s string) string {
	return strings.NewReplacer(",", "", ">", "").Replace(strings.Join(strings.Fields(strings.ToLower(s)), ""))
}

// recognise tells a licence by its text.
func recognise(text string) (licence string, err error) {
	text = squeeze(text)
	for _, words := range provisos() {
		if strings.Contains(text, squeeze(words)) {
			return "", fmt.Errorf("its licence speaks of %q, and is not one that is allowed", words)
		}
	}
	for _, m := range marks() {
		if strings.Contains(text, squeeze(m.words)) {
			return m.licence, nil
		}
	}
	return "", errors.New("its licence is none of those that are known and allowed")
}

// licenceIn reads the licence of a module out of the first of its files that
// may have it, and the text of all that has to go with the program: notices
// (Apache-2.0, section 4d) and the licences of what the module has taken over.
func licenceIn(dir string) (licence, text string, err error) {
	main := ""
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		if licence, err = recognise(string(content)); err != nil {
			return "", "", err
		}
		main, text = name, strings.TrimSpace(string(content))
		break
	}
	if main == "" {
		return "", "", errors.New("no file with a licence")
	}
	further, err := legalFiles(dir)
	if err != nil {
		return "", "", err
	}
	for _, name := range further {
		if name == main {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", "", err
		}
		text += fmt.Sprintf("\n\n--- %s\n\n%s", name, strings.TrimSpace(string(content)))
	}
	return licence, text, nil
}

// legalFiles are the files of a module's root, and those of a directory of
// licences in it (https://reuse.software/spec), by which a module says under
// what it may be passed on.
func legalFiles(dir string) (names []string, err error) {
	legal := regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|patents)`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		switch {
		case !legal.MatchString(entry.Name()):
		case entry.Type().IsRegular():
			names = append(names, entry.Name())
		case entry.IsDir():
			inside, err := os.ReadDir(filepath.Join(dir, entry.Name()))
			if err != nil {
				return nil, err
			}
			for _, file := range inside {
				if file.Type().IsRegular() {
					names = append(names, filepath.Join(entry.Name(), file.Name()))
				}
			}
		}
	}
	return names, nil
}
