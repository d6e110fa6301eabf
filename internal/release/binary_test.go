package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program writes the head of a program, which is all that is looked at: one for
// another processor takes long to build.
func program(t *testing.T, machine elf.Machine, segments ...elf.ProgType) string {
	t.Helper()
	const headSize, segmentSize = 64, 56 // of Elf64_Ehdr and Elf64_Phdr, elf(5)
	head := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: headSize, Ehsize: headSize, Phentsize: segmentSize, Phnum: uint16(len(segments)),
	}
	var b bytes.Buffer
	all := []any{head}
	for _, s := range segments {
		all = append(all, elf.Prog64{Type: uint32(s)})
	}
	for _, part := range all {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyAStaticProgramOfItsArchitectureMayBePackaged(t *testing.T) {
	amd64, arm64 := program(t, elf.EM_X86_64, elf.PT_LOAD), program(t, elf.EM_AARCH64, elf.PT_LOAD)
	for _, c := range []struct{ path, arch, want string }{
		{amd64, "amd64", ""},
		{arm64, "arm64", ""},
		{arm64, "amd64", "is for EM_AARCH64, want EM_X86_64"},
		{amd64, "arm64", "is for EM_X86_64, want EM_AARCH64"},
		{program(t, elf.EM_AARCH64, elf.PT_LOAD, elf.PT_INTERP), "arm64", "is not static: it has a loader"},
		{amd64, "riscv64", `no packages are built for "riscv64"`},
		{"binary.go", "amd64", "cannot read the program"},
	} {
		err := checkProgram(c.path, c.arch)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: %v, want %q", c.path, c.arch, err, c.want)
		}
	}
}
