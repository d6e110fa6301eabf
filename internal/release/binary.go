package main

import (
	"debug/elf"
	"fmt"
)

// machines are the processors that programs are built for, by Go's names.
func machines() map[string]elf.Machine {
	return map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
}

// checkProgram says whether a program is what a package promises: built for an
// architecture (Go's name), and static, so that it runs with any C library or
// none. A dynamic one names its loader (PT_INTERP, elf(5)).
func checkProgram(path, arch string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read the program %q: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	want, ok := machines()[arch]
	if !ok {
		return fmt.Errorf("no packages are built for %q", arch)
	}
	if f.Machine != want || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("%q is for %s, want %s", path, f.Machine, want)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%q is not static: it has a loader", path)
		}
	}
	return nil
}
