package restart

import (
	"errors"
	"testing"
)

func TestTheJournalTellsHowAUnitEnded(t *testing.T) {
	const unit = "monitored-x.service"
	own := func(text string) string { return `{"_SYSTEMD_UNIT":"` + unit + `","MESSAGE":"` + text + "\"}\n" }
	about := func(code, status string) string {
		return `{"_SYSTEMD_UNIT":"init.scope","MESSAGE":"Main process exited","EXIT_CODE":"` + code + `","EXIT_STATUS":"` + status + "\"}\n"
	}
	for _, c := range []struct{ name, journal, want string }{
		{"nothing known", "", "it failed"},
		{"status", about("exited", "7"), "it failed: exit status 7"},
		{"not found", about("exited", "127"), "it failed: exit status 127, command not found"},
		{"signal", about("killed", "9"), "it failed: ended by SIGKILL"},
		{"output", own("one") + own("two") + about("exited", "1"), "it failed: exit status 1; its last output: one | two"},
		{"the last end counts", about("killed", "15") + about("exited", "3"), "it failed: exit status 3"},
		{"systemd's own words are not its output", `{"_SYSTEMD_UNIT":"init.scope","MESSAGE":"Starting"}` + "\n", "it failed"},
		{"a line that was cut", `"MESSAGE":"half"}` + "\n" + own("whole"), "it failed; its last output: whole"},
		{"bytes that are no text", `{"_SYSTEMD_UNIT":"` + unit + `","MESSAGE":[255,254]}` + "\n" + own("text"), "it failed; its last output: text"},
		{"a forged end", own(`EXIT_STATUS=0\nx`), `it failed; its last output: EXIT_STATUS=0 | x`},
	} {
		if got := parseEnding(c.journal, unit).explain(errors.New("it failed")); got.Error() != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
