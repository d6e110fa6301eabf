//go:build e2e

package e2e

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"monitor_service/internal/config"
	"monitor_service/internal/testenv/host"
	"monitor_service/internal/testenv/hostile"
)

// noted is the first process_id of the rows that carry an ordinary name and
// hostile notes.
const noted = 1001

// TestHostileNamesAndNotesAreDataEverywhere raises alarms for every hostile
// text as a name and as notes, in the columns of the schema and in binary ones,
// which hold what is no text, and looks at everything that they pass through.
func TestHostileNamesAndNotesAreDataEverywhere(t *testing.T) {
	const binary = "ALTER TABLE PROCESE MODIFY process_name VARBINARY(1100); ALTER TABLE STATUS_PROCESS MODIFY notes BLOB;"
	for _, c := range []struct {
		name, columns string
		format        logFormat
		// settings are for every process without a section.
		settings string
		// operators says whether somebody asks about each name as well.
		operators bool
	}{
		{"columns of text", "", textLog, "", false},
		{"binary columns", binary, textLog, "", true},
		// Strategy custom does not ask systemd what a name is, and so has no
		// second lock on the way to a shell.
		{"binary columns, a log of JSON", binary, jsonLog, "restart_strategy = custom\nrestart_command = echo %s\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t)
			defer b.wantNoShell(t) // whatever ends the test
			worker := b.workers(t, "1")[0]
			texts := hostile.Texts()
			if c.columns == "" {
				texts = slices.DeleteFunc(texts, func(h hostile.Text) bool { return !utf8.ValidString(h.Text) })
			}
			if c.settings != "" {
				// A restart_command has a command of its own.
				texts = slices.DeleteFunc(texts, func(h hostile.Text) bool { return slices.Contains(hostile.Commands(), h.Text) })
			}
			b.SQL(t, "USE v_process_monitor; "+c.columns)
			b.raiseHostile(t, texts, worker)
			b.start(t, baseConfig+"[process.default]\nhealth_check_command = echo %s\npre_restart_command = echo %s\n"+c.settings+"[process."+worker+
				"]\nrestart_strategy = service\npre_restart_command = true\nhealth_check_command = true\n[logging]\nformat = "+string(c.format)+"\n")

			b.EventuallyIs(t, "processes left alone", host.Limit, fmt.Sprint(len(texts)), func() string {
				return fmt.Sprint(len(b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT=not_acting")))
			})
			b.EventuallyIs(t, "alarms of the ordinary process", host.Limit, "0", func() string {
				return b.SQL(t, fmt.Sprintf("SELECT COUNT(*) FROM v_process_monitor.STATUS_PROCESS WHERE alarma = 1 AND process_id >= %d;", noted))
			})
			b.awaitPolls(t, 3)
			b.wantLeftAlone(t, texts)
			if c.operators {
				b.namedByOperators(t, texts)
			}
			b.wantJobsOf(t, worker+".service", "system-w.slice")
			b.wantRecordsOfData(t, c.format)
			b.wantNotesKept(t, texts, noted)
			if rows := b.SQL(t, fmt.Sprintf("SELECT COUNT(*) FROM v_process_monitor.STATUS_PROCESS WHERE alarma = 1 AND notes = '' AND process_id < %d;", noted)); rows != fmt.Sprint(len(texts)) {
				t.Errorf("%s of %d alarms stand untouched", rows, len(texts))
			}
		})
	}
}

// TestAHostileNameWithASectionIsDataToItsCommand gives the same names sections,
// as far as a section can have such a name, so that they are recovered.
func TestAHostileNameWithASectionIsDataToItsCommand(t *testing.T) {
	b := newBed(t)
	defer b.wantNoShell(t)
	content := baseConfig + "max_parallel_restarts = 50\n[process.default]\nrestart_strategy = custom\n" +
		"restart_command = printenv --null MONITOR_PROCESS_NAME >>/srv/said\nhealth_check_command = true\n"
	var texts []hostile.Text
	for _, h := range hostile.Texts() {
		with := content + "[process." + h.Text + "]\n"
		if c, _, err := config.Parse(configPath, []byte(with), nil); err != nil || !c.Process(h.Text).Configured || h.Reason == "own_unit" {
			continue
		}
		content = with
		texts = append(texts, h)
	}
	if len(texts) < 100 {
		t.Fatalf("only %d names can have a section", len(texts))
	}
	b.raiseHostile(t, texts, "")
	b.SQL(t, "USE v_process_monitor; UPDATE STATUS_PROCESS s JOIN PROCESE p USING (process_id) SET notes = p.process_name;")
	b.start(t, content)
	b.EventuallyIs(t, "alarms", host.Limit, "0", func() string {
		return b.SQL(t, "SELECT COUNT(*) FROM v_process_monitor.STATUS_PROCESS WHERE alarma = 1;")
	})
	b.awaitPolls(t, 3)

	var want []string
	for _, h := range texts {
		want = append(want, strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return unicode.ReplacementChar // as command.Variables says
			}
			return r
		}, h.Text))
	}
	said := strings.Split(strings.TrimSuffix(b.Get(t, "/srv/said"), "\x00"), "\x00")
	for i := range said {
		said[i] = strings.TrimSuffix(said[i], "\n")
	}
	slices.Sort(want)
	slices.Sort(said)
	if !slices.Equal(said, want) {
		t.Errorf("the commands were told\n%q\nwant\n%q", said, want)
	}
	b.wantClean(t, b.onTerminal(t, programPath+" history --limit 1000; "+programPath+" status"))
	b.wantJobsOf(t, "monitored.restart-*")
	b.wantRecordsOfData(t, textLog)
	b.wantNotesKept(t, texts, 1)
}

// raiseHostile raises an alarm of each name, by their order from process_id 1,
// and, for a process of an ordinary name, one with each of the notes.
func (b *bed) raiseHostile(t *testing.T, texts []hostile.Text, ordinary string) {
	t.Helper()
	literal := func(text string) string {
		if utf8.ValidString(text) {
			return sqlText(text)
		}
		return "X'" + hex.EncodeToString([]byte(text)) + "'"
	}
	var s strings.Builder
	s.WriteString("USE v_process_monitor; BEGIN;\n")
	for i, h := range texts {
		fmt.Fprintf(&s, "INSERT INTO PROCESE VALUES (%d, %s);\nINSERT INTO STATUS_PROCESS VALUES (%[1]d, 1, 0, '');\n", 1+i, literal(h.Text))
		if ordinary != "" {
			fmt.Fprintf(&s, "INSERT INTO PROCESE VALUES (%d, '%s');\nINSERT INTO STATUS_PROCESS VALUES (%[1]d, 1, 0, %[3]s);\n",
				noted+i, ordinary, literal(h.Text))
		}
	}
	s.WriteString("COMMIT;\n")
	b.SQL(t, s.String())
	held := strings.Split(b.SQL(t, fmt.Sprintf("SELECT HEX(process_name) FROM v_process_monitor.PROCESE WHERE process_id < %d ORDER BY process_id;", noted)), "\n")
	for i, h := range texts {
		if held[i] != strings.ToUpper(hex.EncodeToString([]byte(h.Text))) {
			t.Fatalf("the database holds %q as %s", h.Text, held[i])
		}
	}
}

// wantLeftAlone holds that each name was found and left alone once, and why.
func (b *bed) wantLeftAlone(t *testing.T, texts []hostile.Text) {
	t.Helper()
	reasons := map[string][]string{}
	for _, e := range b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT=not_acting") {
		name := fieldOf(t, e, "MONITOR_PROCESS")
		reasons[name] = append(reasons[name], fieldOf(t, e, "MONITOR_REASON"))
	}
	found := map[string]int{}
	for _, e := range b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT=alarm_found") {
		found[fieldOf(t, e, "MONITOR_PROCESS")]++
	}
	for _, h := range texts {
		if r := reasons[h.Text]; found[h.Text] != 1 || len(r) != 1 || r[0] != h.Reason {
			t.Errorf("%q was found %d times and left alone for %q, want once for %s", h.Text, found[h.Text], r, h.Reason)
		}
	}
}

// namedByOperators lets an operator ask about each name, and use it as the
// reason of a pause, on a terminal. No argument can have a NUL in it.
func (b *bed) namedByOperators(t *testing.T, texts []hostile.Text) {
	t.Helper()
	var script strings.Builder
	for _, h := range texts {
		if strings.Contains(h.Text, "\x00") {
			continue
		}
		var octal strings.Builder
		for _, c := range []byte(h.Text) {
			fmt.Fprintf(&octal, `\0%03o`, c)
		}
		// Whatever stands at the end, the shell leaves it there.
		fmt.Fprintf(&script, "NAME=$(printf '%%bx' '%s'); NAME=${NAME%%x}; export NAME\n%s\n", octal.String(),
			`script --quiet --command '`+programPath+` explain -- "$NAME"; `+programPath+` pause --reason="$NAME" -- "$NAME"' /dev/null </dev/null || true`)
	}
	b.Put(t, "/srv/ask", script.String(), 0o644)
	out := b.Must(t, "env", "TERM=xterm", "/bin/sh", "/srv/ask") + "\n"
	b.wantClean(t, out)
	if n := strings.Count(out, " alarmed now: "); n < 100 {
		t.Errorf("only %d names were explained:\n%.2000q", n, out)
	}
	b.wantClean(t, b.onTerminal(t, programPath+" status; "+programPath+" history"))
	paused := b.journalSince(t, "_SYSTEMD_UNIT="+daemonUnit, "MONITOR_EVENT=paused")
	if len(paused) < 100 {
		t.Errorf("only %d names were paused", len(paused))
	}
	for _, e := range paused {
		if name, why := fieldOf(t, e, "MONITOR_PROCESS"), fieldOf(t, e, "MONITOR_WHY"); name != why {
			t.Errorf("%q is paused because of %q", name, why)
		}
	}
}

// onTerminal runs a command line on a terminal and returns what reaches it.
func (b *bed) onTerminal(t *testing.T, line string) string {
	t.Helper()
	return b.Must(t, "env", "TERM=xterm", "sh", "-c", "script --quiet --command '"+line+"' /dev/null </dev/null") + "\n"
}

// wantNotesKept looks whether the notes of the rows, which were cleared, still
// are what they were, with the restart added.
func (b *bed) wantNotesKept(t *testing.T, texts []hostile.Text, first int) {
	t.Helper()
	rows := strings.Split(b.SQL(t, fmt.Sprintf("SELECT HEX(notes) FROM v_process_monitor.STATUS_PROCESS WHERE process_id >= %d ORDER BY process_id;", first)), "\n")
	for i, h := range texts {
		notes, err := hex.DecodeString(rows[i])
		if err != nil {
			t.Fatal(err)
		}
		added, ok := strings.CutPrefix(string(notes), h.Text)
		if !ok || !wholeNote.MatchString(added) || !strings.HasPrefix(added, " - ") {
			t.Errorf("the notes %q became %q", h.Text, notes)
		}
	}
}
