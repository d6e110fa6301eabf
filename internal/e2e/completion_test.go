//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"

	"monitor_service/internal/testenv"
	"monitor_service/internal/testenv/host"
)

const (
	// completions is where bash looks for them, a file for each command, and
	// completer the script of the package bash-completion that does.
	completions = "/usr/share/bash-completion"
	completer   = completions + "/bash_completion"
)

// typist is an interactive bash on the test host, under a terminal of its own.
type typist struct{ *bed }

// typist starts one. Its keys come out of a FIFO that is never at its end.
func (b *bed) typist(t *testing.T) typist {
	t.Helper()
	b.Put(t, "/srv/type.sh", `mkfifo /srv/keys
exec 3<>/srv/keys
export TERM=dumb PS1='> '
exec script --quiet --flush --command 'bash --norc --noprofile -i' /srv/shown <&3
`, 0o644)
	b.unit(t, "typist.service", "[Service]\nExecStart=/bin/sh /srv/type.sh\n")
	b.Must(t, "systemctl", "start", "typist.service")
	return typist{b}
}

// types types some keys, and waits until the terminal shows something.
func (s typist) types(t *testing.T, keys, shows string) {
	t.Helper()
	s.Eventually(t, "there is a shell", host.Limit, func() bool { return s.fileIfAny(t, "/srv/shown") != "" })
	seen := len(s.Get(t, "/srv/shown"))
	s.Put(t, "/srv/typed", keys, 0o644)
	s.Shell(t, "cat /srv/typed >/srv/keys")
	s.Eventually(t, "typing "+keys+" shows "+shows, host.Limit, func() bool {
		return strings.Contains(s.Get(t, "/srv/shown")[seen:], shows)
	})
}

// TestBashCompletesNamesThatTheDaemonKnows presses the tab key. Names with what
// bash takes for the end of a word are among them.
func TestBashCompletesNamesThatTheDaemonKnows(t *testing.T) {
	if _, err := os.Stat(completer); err != nil {
		testenv.Missing(t, "%v; apt-get install bash-completion", err)
	}
	b := newBed(t)
	b.workers(t, "first")
	b.start(t, baseConfig+"[process.w@first]\n[process.web:8080]\n")
	b.SQL(t, "INSERT INTO v_process_monitor.PROCESE VALUES (9, 'only-in-db');")
	t.Cleanup(func() { b.Shell(t, "rm -rf "+completions) })
	b.PutFile(t, completer, completer, 0o644)
	b.Shell(t, "mkdir -p "+completions+"/completions && "+programPath+" completion bash >"+completions+"/completions/monitor_service")

	s := b.typist(t)
	const wipe = "\x15" // Ctrl-U
	s.types(t, "source "+completer+"; echo the shell is re''ady\n", "the shell is ready")
	s.types(t, "monitor_service expl\t", "monitor_service explain ")
	s.types(t, wipe+"monitor_service explain only\t", "explain only-in-db ")
	s.types(t, wipe+"monitor_service restart w@\t", "restart w@first ")
	s.types(t, wipe+"monitor_service restart web:\t", "restart web:8080 ")
	s.types(t, wipe+"monitor_service restart --fo\t", "restart --force ")
	s.types(t, wipe+"monitor_service status only\t\n", "State           ok")

	// Without the daemon the configuration has to do.
	b.Must(t, "systemctl", "stop", daemonUnit)
	s.types(t, wipe+"monitor_service restart w@\t", "restart w@first ")
}
