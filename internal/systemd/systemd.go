// Package systemd is the daemon's side of systemd: the state of units, their
// jobs and transient units over D-Bus (Client), the protocol between a service
// and its manager (Notifier, WatchdogInterval), unit names, and the unit that
// this process itself runs in.
//
// What to restart and when, and what a unit's state means for a recovery, is
// decided elsewhere. Nothing in this room logs, and nothing retries: a call
// that fails says so promptly and the next call begins afresh.
package systemd

import "os"

// Booted says whether this host was booted with systemd, by the rule of
// sd_booted(3).
func Booted() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}
