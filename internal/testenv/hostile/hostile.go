// Package hostile has the texts that try to be more than a text, for the tests
// of everything that a process name or a note from the database passes
// through: the shell, unit names, the log, the journal, JSON, SQL, a terminal, a
// page.
// There is one table, so that what is thought of once is tried everywhere. How
// each reader is attacked is here; what it must not do is for its own test.
package hostile

import "strings"

// Text is one of them.
type Text struct {
	Text string
	// Reason is recovery's word for why a process of this name is left
	// alone where it has no section and nothing else is configured.
	Reason string
}

// marker is the file that a shell makes which runs what it is given.
const marker = "/srv/pwned"

// Pattern is how such files are found.
const Pattern = "pwned*"

const unsafeName = "unsafe_name"

// Texts lists them, each once. Some are not UTF-8, and some have a NUL.
func Texts() []Text {
	var all []Text
	for _, group := range [][]string{shells(), paths(), terminals(), writing(), lines(), pages(), formats()} {
		for _, text := range group {
			all = append(all, Text{strings.ReplaceAll(text, "MARK", "touch "+marker), unsafeName})
		}
	}
	return append(all, units()...)
}

// shells are for a shell: quotes, substitutions, lists, redirections,
// wildcards, expansions, options of commands.
func shells() []string {
	return []string{
		`'`, `"`, "`", `\`, `\'`, `'; MARK; '`, `"; MARK; "`, `'"'"'`, "x\\\nMARK",
		"$(MARK)", "`MARK`", "x; MARK", "x | MARK", "x & MARK", "x && MARK", "x || MARK", "false || MARK",
		"x\nMARK", "x\r\nMARK", "\nMARK\n", "<(MARK)", "x > " + marker, ">" + marker, "< /etc/passwd", "x #", "#",
		"${IFS}touch${IFS}" + marker, `$'\x74ouch' ` + marker, "{touch," + marker + "}", "() { :; }; MARK",
		"$((1/0))", "$MONITOR_PROCESS_NAME", "!!", "~root", "a=b", "IFS=x",
		"*", "?", "[a-z]*", "w@*", "*.service", "w@?",
		"-rf", "--help", "--now", "-", "--", "--property=User=root", "-.mount", "-.slice",
		" ", "x ", " x", "a b", "w@1 w@2", "w@1;", "w@1\n",
	}
}

// paths are for what makes a file's name of a text.
func paths() []string {
	return []string{
		".", "..", "../.." + marker, "./x", "/bin/sh", "/etc/passwd", ".hidden", "a/../b", "w@1/x", `C:\x`, `a\x2db`, `\x2d.mount`,
	}
}

// terminals are for a terminal: sequences that clear it, ask it, name it or
// colour it (35, a colour that the program itself does not use).
func terminals() []string {
	return []string{
		"\x1b[2J\x1b[Hgone", "\x1b]0;title\x07", "\x1b[35mred", "\x1b[6n", "\x1bP$q\"p\x1b\\", "\u009b2J", "\x07", "\b\b\b", "a\rb",
		"\t", "\v", "\f", "\x7f", "\x1b",
	}
}

// writing is for what reads characters: those that are not seen or change the
// direction, those that look like others, those of several bytes at the limits
// of columns and names, and what is no character at all.
func writing() []string {
	return []string{
		"\u202egnp.exe", "\u2066x\u2069", "\u200b", "\ufeff", "x\u2028y", "x\u2029y", "x\u0085y", "\u00a0", "\U000e0001", "e\u0301",
		"\uff21", "ngin\u0445", "\ufffd", "\u0103\u0219\u021b", "\u65e5\u672c\u8a9e", "\U0001F525",
		strings.Repeat("\u00e9", 127) + "x", strings.Repeat("\u00e9", 255), strings.Repeat("\u65e5", 85), strings.Repeat("\U0001F525", 255),
		strings.Repeat("a", 201), strings.Repeat("a", 255),
		"\x00", "a\x00b", "x\x00; MARK", "\xff\xfe", "a\xc3", "\xc0\xaf..\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "n\xefme",
	}
}

// lines are for what keeps records: fields of the journal, lines of the log,
// JSON, SQL, HTTP.
func lines() []string {
	return []string{
		"x\nMESSAGE=forged\nPRIORITY=0", "x\nMONITOR_PROCESS=sshd", "x\n_PID=1", "\nMESSAGE_ID=0c16398a4c8144c4a4ff4ef1ad87635c", "<0>forged",
		"x\nMESSAGE\n\x06\x00\x00\x00\x00\x00\x00\x00forged\n",
		"a\n2026-11-23 02:49:46 - INFO - forged", `a\n2026-11-23 02:49:46 - INFO - forged`, " - ERROR - forged",
		"nginx process=sshd", "x event=alarm_cleared", `x" reason="none`, `x\" reason=\"none`, "x error=",
		`"}` + "\n" + `{"event":"forged"}`, `","level":"ERROR","x":"`, `{"a":`, `\u0000`, "]}", "null ",
		"</script><script>alert(1)</script>", "a&amp;b", "=cmd|'/C calc'!A0",
		`'; DROP TABLE STATUS_PROCESS; -- `, `" OR ""="`, `\'; DELETE FROM PROCESE; #`, "/*!50000 x */", "= :name",
		"a&process=b#c", "a%2fb", "x\r\nX-Forged: 1\r\n\r\n",
	}
}

// pages are for a browser: markup of all kinds, each of which sets window.pwned
// where it is taken for more than text.
func pages() []string {
	return []string{
		"<script>window.pwned=1</script>", `<img src=x onerror="window.pwned=1">`, `"><svg onload=window.pwned=1>`, `' onfocus='window.pwned=1' autofocus='`,
		"javascript:window.pwned=1", "{{constructor.constructor('window.pwned=1')()}}", "${window.pwned=1}", "</td></tr></table><h1>gone", "&lt;b&gt;",
	}
}

// formats are for what fills something in.
func formats() []string {
	return []string{"%s", "%n%n%n%n", "%s%n%d%x", "%!d(string=x)", "%[1]*d", "%%", "%i", "%(password)s", "{{.Name}}", "${MONITOR_PROCESS_NAME}"}
}

// Commands lists those of the texts that are commands which act on the whole
// host, and are refused only where they would be the command.
func Commands() []string {
	return []string{
		"reboot", "halt", "poweroff", "shutdown", "systemctl", "telinit",
		"killall5", "pwunconv", "grpunconv", "pm-suspend", "pm-hibernate", "sys-unconfig", "blkdeactivate", "sulogin",
	}
}

// units are names that systemd could take for a unit which nobody meant.
func units() []Text {
	var all []Text
	for _, group := range []struct {
		reason string
		names  []string
	}{
		{"not_a_service", []string{
			"reboot.target", "poweroff.target", "emergency.target", "tmp.mount", "dev-sda.swap", "dbus.socket",
			"systemd-tmpfiles-clean.timer", "init.scope", "system.slice", "a.automount", "a.path", "a.device",
		}},
		{"own_unit", []string{"monitor_service", "monitor_service.service"}},
		{"bad_unit", []string{"w@", "getty@.service"}},
		{"protected_unit", []string{
			"dbus", "dbus.service", "systemd-journald", "systemd-logind.service", "dbus-org.freedesktop.login1",
			"debug-shell", "debug-shell.service", "rescue", "emergency", "selinux-autorelabel", "selinux-autorelabel-mark",
			"user@0", "user@1000.service", "user-runtime-dir@0", "getty@tty1", "autovt@tty2", "serial-getty@ttyS0", "console-getty",
			"initrd-switch-root", "dracut-emergency", "kexec-load", "plymouth-reboot", "packagekit-offline-update",
			"systemd-poweroff", "systemd-soft-reboot", "systemd-suspend-then-hibernate", "blk-availability",
		}},
		{"protected_unit", Commands()},
	} {
		for _, name := range group.names {
			all = append(all, Text{name, group.reason})
		}
	}
	return all
}
