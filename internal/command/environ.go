package command

import (
	"os"
	"strconv"
	"strings"
	"unicode"
)

// isOwn says whether a variable is the daemon's own: one of its settings,
// among them the database password, or what systemd told it alone
// (systemd.exec(5), "Environment Variables Set or Propagated by the Service
// Manager"). A child that had NOTIFY_SOCKET could speak as the daemon; one
// that had JOURNAL_STREAM would think that its pipe is the journal.
func isOwn(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	for _, prefix := range [...]string{"MONITOR_SERVICE_", "WATCHDOG_", "LISTEN_", "MEMORY_PRESSURE_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "INVOCATION_ID",
		"SYSTEMD_EXEC_PID", "MAINPID", "MANAGERPID", "FDSTORE",
		"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY",
		"LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY":
		return true
	}
	return false
}

// Environ is the environment of a command for this process: the daemon's,
// without what is the daemon's own, and Variables.
func Environ(process string, id int64, attempt int) []string {
	var env []string
	for _, v := range os.Environ() {
		if !isOwn(v) {
			env = append(env, v)
		}
	}
	return append(env, Variables(process, id, attempt)...)
}

// Variables tell a command what it is run for.
func Variables(process string, id int64, attempt int) []string {
	return []string{
		"MONITOR_PROCESS_NAME=" + plain(process),
		"MONITOR_PROCESS_ID=" + strconv.FormatInt(id, 10),
		"MONITOR_ATTEMPT=" + strconv.Itoa(attempt),
	}
}

// plain makes a name that is not trusted fit for an environment variable.
// The kernel takes no NUL, and systemd takes neither control characters nor
// text that is not UTF-8; each becomes U+FFFD.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}
