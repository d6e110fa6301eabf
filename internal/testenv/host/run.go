package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runLimit bounds one command in the machine.
const runLimit = 2 * time.Minute

// Run runs a command as root in the machine and returns what it prints on
// stdout. The error holds what it prints on stderr.
func (h *Host) Run(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return h.run(context.Background(), nil, args...)
}

// Must is Run for a command that has to succeed. It returns stdout without its
// last line break.
func (h *Host) Must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := h.run(context.Background(), nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out, "\n")
}

// Shell runs a script with /bin/sh -eu and has to succeed.
func (h *Host) Shell(t testing.TB, script string) string {
	t.Helper()
	return h.Must(t, "/bin/sh", "-euc", script)
}

// run enters all of the machine's namespaces with an environment that owes
// nothing to the one outside.
func (h *Host) run(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return "", err
	}
	enter := []string{"--target", strconv.Itoa(h.leader), "--all", "--"}
	cmd := exec.CommandContext(ctx, nsenter, append(enter, args...)...)
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
		"HOME=/root",
		"LANG=C.UTF-8",
		"SYSTEMD_COLORS=0",
		"SYSTEMD_PAGER=",
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = time.Second // for what it leaves in the background
	switch err := cmd.Run(); {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return stdout.String(), nil
	case ctx.Err() != nil:
		err = fmt.Errorf("%w after %s", ctx.Err(), runLimit)
		fallthrough
	default:
		return stdout.String(), fmt.Errorf("on %s: %q: %w\nstdout: %s\nstderr: %s",
			h.name, args, err, tail(stdout.Bytes(), 4096), tail(stderr.Bytes(), 4096))
	}
}

// SQL gives statements to the machine's MariaDB as its root, over the socket,
// and returns the rows: a line each, the columns separated by tabs, NULL as
// "NULL".
func (h *Host) SQL(t testing.TB, statements string) string {
	t.Helper()
	out, err := h.run(context.Background(), strings.NewReader(statements),
		"mariadb", "--batch", "--skip-column-names")
	if err != nil {
		t.Fatalf("%v\nstatements: %s", err, statements)
	}
	return strings.TrimSuffix(out, "\n")
}

// Property is a property of a unit, as systemctl show prints it.
func (h *Host) Property(t testing.TB, unit, name string) string {
	t.Helper()
	return h.Must(t, "systemctl", "show", "--value", "--property", name, "--", unit)
}

// Journal returns the journal's entries that match, oldest first; a match is
// an argument of journalctl such as "--unit=x" or "MESSAGE_ID=…". What was sent
// before the call is in it. A value is a string, or a []any where the entry has
// the field twice or the value is not text, see "Journal JSON Format".
func (h *Host) Journal(t testing.TB, match ...string) []map[string]any {
	t.Helper()
	h.Must(t, "journalctl", "--sync")
	args := append([]string{"journalctl", "--output=json", "--no-pager", "--all"}, match...)
	decoder := json.NewDecoder(strings.NewReader(h.Must(t, args...)))
	var entries []map[string]any
	for {
		var entry map[string]any
		err := decoder.Decode(&entry)
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatalf("cannot read the journal: %v", err)
		}
		entries = append(entries, entry)
	}
}
