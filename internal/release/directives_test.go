package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unknownTo239 are directives that came after systemd 239 (RHEL 8), which warns
// of a name that it does not know and goes on. The versions are those of the
// manual pages.
func unknownTo239() []string {
	return []string{
		"ProtectClock",      // 245
		"ProtectHostname",   // 242
		"ProtectKernelLogs", // 244
		"RestrictSUIDSGID",  // 242
		"ProtectProc",       // 247
		"ProcSubset",        // 247
	}
}

// knownTo239 are the directives that systemd 239 knows, with the values that it
// understands: a value of later days would not be ignored as a name is, but
// end the unit or do something else.
func knownTo239() map[string]string {
	const (
		boolean = `yes|no`
		seconds = `\d+`
		words   = `[A-Za-z0-9_./@-]+( [A-Za-z0-9_./@-]+)*`
		empty   = `|`
	)
	// Of systemd.exec(5); @system-service came with 239 itself.
	sets := `@clock|@cpu-emulation|@debug|@module|@mount|@obsolete|@privileged|@raw-io|@reboot|@resources|@swap|@system-service|@network-io`
	return map[string]string{
		"Description": `.*`, "Documentation": `.*`, "Wants": words, "After": words, "StartLimitIntervalSec": seconds,
		"WantedBy": words, "Type": `notify|simple|exec`, "NotifyAccess": `main`, "ExecStart": `/.*`, "ExecReload": `/.*`,
		"EnvironmentFile": `-?/.*`, "Environment": words + `=` + words, "Restart": `on-failure`, "RestartSec": seconds,
		"RestartPreventExitStatus": seconds, "WatchdogSec": seconds, "TimeoutStartSec": seconds, "TimeoutStopSec": seconds,
		"KillMode": `mixed`, "OOMScoreAdjust": `-?\d+`, "LimitCORE": `0`,
		"RuntimeDirectory": words, "StateDirectory": words, "LogsDirectory": words,
		"RuntimeDirectoryMode": `0\d+`, "StateDirectoryMode": `0\d+`, "LogsDirectoryMode": `0\d+`, "UMask": `0\d+`,
		"User": words, "Group": words,
		"ProtectSystem": `yes|full|strict`, "ProtectHome": boolean + `|read-only`, "PrivateTmp": boolean,
		"PrivateDevices": boolean, "PrivateUsers": boolean, "PrivateMounts": boolean,
		"ProtectKernelTunables": boolean, "ProtectKernelModules": boolean, "ProtectControlGroups": boolean,
		"RestrictNamespaces": boolean, "RestrictRealtime": boolean, "LockPersonality": boolean,
		"NoNewPrivileges": boolean, "MemoryDenyWriteExecute": boolean, "RemoveIPC": boolean,
		"RestrictAddressFamilies": `(AF_(UNIX|INET|INET6|NETLINK) ?)*`,
		"SystemCallArchitectures": `native`, "SystemCallErrorNumber": `EPERM`,
		"SystemCallFilter":      `~?(` + sets + `)( (` + sets + `))*` + empty,
		"CapabilityBoundingSet": `(CAP_[A-Z_]+ ?)*`, "AmbientCapabilities": empty + `CAP_[A-Z_]+`,
	}
}

func TestSystemd239UnderstandsOrIgnoresEachDirective(t *testing.T) {
	known, unknown := knownTo239(), unknownTo239()
	for _, path := range []string{"../../deploy/monitor_service.service", "../../deploy/unprivileged.conf"} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" || line[0] == '#' || line[0] == '[' {
				continue
			}
			name, value, _ := strings.Cut(line, "=")
			values, ok := known[name]
			switch {
			case ok && !regexp.MustCompile(`^(`+values+`)$`).MatchString(value):
				t.Errorf("%s: systemd 239 may not understand %q", path, line)
			case !ok && !slices.Contains(unknown, name):
				t.Errorf("%s: is %q known to systemd 239? If not, what happens there?", path, line)
			}
		}
	}
}
