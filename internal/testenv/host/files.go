package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// Put writes a file in the machine, root's, with the directories on its path.
// A file that is there is replaced, not written over, so that a program that
// runs from it is left in peace.
func (h *Host) Put(t testing.TB, path, content string, mode fs.FileMode) {
	t.Helper()
	h.put(t, path, strings.NewReader(content), mode)
}

// PutFile copies a file from outside into the machine.
func (h *Host) PutFile(t testing.TB, local, path string, mode fs.FileMode) {
	t.Helper()
	f, err := os.Open(local)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	h.put(t, path, f, mode)
}

// put goes through a program inside: seen from outside, an absolute symbolic
// link on the path would lead out of the machine.
func (h *Host) put(t testing.TB, path string, content io.Reader, mode fs.FileMode) {
	t.Helper()
	_, err := h.run(context.Background(), content,
		"install", "-D", "--mode", fmt.Sprintf("%04o", mode.Perm()), "/dev/stdin", path)
	if err != nil {
		t.Fatal(err)
	}
}

// Get returns a file's content.
func (h *Host) Get(t testing.TB, path string) string {
	t.Helper()
	out, err := h.run(context.Background(), nil, "cat", "--", path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
