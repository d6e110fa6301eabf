package restart

import (
	"path"
	"slices"
)

// drasticUnits are the services whose start ends the host's work, its logins
// or its security, whatever protected_units says. A row in the database would be
// enough for that; a section of its own is the operator's word that it is meant.
// Names are those of systemd 239 to 257, of RHEL's packages and of Debian's.
// What serves logins and can be restarted beside them, as sshd, is not here.
var drasticUnits = []string{
	// The host is switched off, put to sleep or booted anew.
	"halt.service", "poweroff.service", "reboot.service", "shutdown.service", "kexec.service", "kexec-load.service",
	"systemd-halt.service", "systemd-poweroff.service", "systemd-reboot.service", "systemd-soft-reboot.service",
	"systemd-kexec.service", "systemd-exit.service", "systemd-suspend*.service", "systemd-hibernate*.service",
	"systemd-hybrid-sleep.service",
	// It is booted into something else: the initial RAM disk, a relabelling
	// of its files, an update or an installation.
	"initrd-*.service", "dracut-*.service", "systemd-volatile-root.service", "selinux-autorelabel*.service",
	"system-update-cleanup.service", "packagekit-offline-update.service", "fwupd-offline-update.service",
	"dnf-system-upgrade*.service", "dnf5-offline-transaction*.service", "anaconda*.service",
	// A root shell without a password, or with nothing else left running.
	"debug-shell.service", "console-shell.service", "rescue.service", "emergency.service", "single.service",
	// Somebody's login ends, with all that runs in it.
	"getty@*.service", "autovt@*.service", "serial-getty@*.service", "container-getty@*.service",
	"console-getty.service", "getty-static.service", "user@*.service", "user-runtime-dir@*.service",
	// The console is taken.
	"plymouth-*.service",
	// All processes are killed, or the disks under them are taken away.
	"killprocs.service", "sendsigs.service", "umountfs.service", "umountroot.service", "blk-availability.service",
}

// isDrastic says whether a unit is one of drasticUnits.
func isDrastic(unit string) bool {
	return slices.ContainsFunc(drasticUnits, func(pattern string) bool {
		ok, _ := path.Match(pattern, unit) // none of them is wrong
		return ok
	})
}

// hostCommand says whether the bare name is a command that, without any
// argument, ends the host's work or its security. The default start_command is
// the process's name, so that a row in the database would be enough to run it.
func hostCommand(name string) bool {
	return slices.Contains([]string{
		"halt", "poweroff", "reboot", "shutdown", "init", "telinit", "kexec", "systemctl", "systemd",
		"coldreboot", "fasthalt", "fastboot", "sys-unconfig",
		"pm-suspend", "pm-hibernate", "pm-suspend-hybrid", "hibernate", "s2ram", "s2disk", "s2both", "zzz", "ZZZ",
		// It kills all processes of other sessions.
		"killall5",
		// Passwords become readable to all.
		"pwunconv", "grpunconv",
		// Disks are umounted and taken away, or repaired.
		"blkdeactivate", "fsck",
		// They ask for a login, or for root's password, on a terminal.
		"sulogin", "agetty",
	}, name)
}
