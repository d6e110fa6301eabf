package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const redistribution = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted\n"

func TestALicenceIsToldByItsText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Apache License\n   Version 2.0, January 2004", "Apache-2.0"},
		{"Mozilla Public License, version 2.0", "MPL-2.0"},
		{"Permission is hereby granted, free of charge, to any person obtaining\na copy", "MIT"},
		{redistribution, "BSD-2-Clause"},
		{redistribution + "Neither the name of Google nor", "BSD-3-Clause"},
		{redistribution + "* Neither the names of the authors nor the\nnames of the contributors", "BSD-3-Clause"},
		{redistribution + "All advertising\nmaterials mentioning features\nNeither the name of the University nor", ""},
		{"\"Commons Clause\" License Condition v1.0\nApache License Version 2.0", ""},
		{"Apache License Version 2.0\nwith the commons clause", ""},
		{"GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007", ""},
		{"All rights reserved.", ""},
		{"", ""},
	} {
		switch got, err := recognise(c.text); {
		case got != c.want:
			t.Errorf("%q was taken for %q, want %q", c.text, got, c.want)
		case (err == nil) != (c.want != ""):
			t.Errorf("%q: error %v", c.text, err)
		}
	}
}

// TestAllThatIsToGoWithAModuleGoesWithIt has the ways in which modules have it.
func TestAllThatIsToGoWithAModuleGoesWithIt(t *testing.T) {
	dir := t.TempDir()
	files := []string{
		"NOTICE", "NOTICE.txt", "LICENSE.libyaml", "LICENSE-3RD-PARTY.md", "license-mmap", "COPYING.runtime", "PATENTS",
		"LICENSES/BSD-3-Clause.txt",
	}
	for _, name := range append(files, "README.md", "doc/LICENSE") {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("what "+name+" says\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := licenceIn(dir); err == nil {
		t.Error("a module without a licence of its own has one")
	}
	if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte(redistribution), 0o600); err != nil {
		t.Fatal(err)
	}
	licence, text, err := licenceIn(dir)
	if err != nil || licence != "BSD-2-Clause" {
		t.Fatalf("%q, %v", licence, err)
	}
	for _, name := range files {
		if strings.Count(text, "--- "+name+"\n\nwhat "+name+" says") != 1 {
			t.Errorf("%s is not there once:\n%s", name, text)
		}
	}
	if strings.Count(text, redistribution[:20]) != 1 || strings.Contains(text, "README") || strings.Contains(text, "doc/") {
		t.Errorf("the licence is there twice, or what is none:\n%s", text)
	}
}

// TestTheLicencesOfTheProgramHaveItsNotices looks at this test program, which
// has the parts of the command line.
func TestTheLicencesOfTheProgramHaveItsNotices(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := writeLicences(&out, program); err != nil {
		t.Fatal(err)
	}
	for module, files := range map[string]string{
		"std": "PATENTS", "github.com/coreos/go-systemd/v22": "NOTICE", "github.com/prometheus/client_golang": "NOTICE",
		"github.com/prometheus/client_model": "NOTICE", "github.com/prometheus/common": "NOTICE",
		"github.com/prometheus/procfs": "NOTICE", "go.yaml.in/yaml/v2": "NOTICE LICENSE.libyaml",
		"github.com/wneessen/go-mail": "LICENSES/BSD-3-Clause.txt", "modernc.org/libc": "LICENSE-3RD-PARTY.md",
		"modernc.org/sqlite": "LICENSE-3RD-PARTY.md LICENSE-SQLITE", "modernc.org/memory": "LICENSE-GO LICENSE-MMAP-GO",
	} {
		_, part, found := strings.Cut(out.String(), "=== "+module+" ")
		part, _, _ = strings.Cut(part, "\n=== ")
		if !found {
			t.Errorf("nothing is said of %s", module)
		}
		for file := range strings.FieldsSeq(files) {
			if !strings.Contains(part, "\n--- "+file+"\n") {
				t.Errorf("%s of %s is missing", file, module)
			}
		}
	}
}
