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
