#!/bin/sh
# After the files are unpacked. The first argument is 1 for an installation and
# 2 for an upgrade under rpm, "configure" under dpkg, where the second is the
# version before, if there was one. "make install" runs it as rpm does.
set -eu

unit=monitor_service.service
config=/etc/monitor_service/config.ini
shipped=${SHARE_DIR:-/usr/share/monitor_service}/config.ini.example
bash_dir=/opt/monitor_service
# Where its documentation had the unit of the bash daemon put. It would hide
# the one of this package for ever.
bash_unit=/etc/systemd/system/$unit

say() { printf 'monitor_service: %s\n' "$*" >&2; }

# systemd_runs is false where an image or a chroot is being made.
systemd_runs() { [ -d /run/systemd/system ]; }

# config_is_good checks config.ini with what the unit adds to it: the overrides of
# its EnvironmentFile, which only systemd reads as systemd does, and the
# credentials that it has now. Without them a password that is a credential would
# be a mistake at every upgrade.
config_is_good() {
	if ! systemd_runs; then
		monitor_service check-config >/dev/null
		return
	fi
	set -- systemd-run --quiet --wait --pipe --collect -p EnvironmentFile=-/etc/sysconfig/monitor_service
	credentials=/run/credentials/$unit
	[ ! -d "$credentials" ] || set -- "$@" --setenv="CREDENTIALS_DIRECTORY=$credentials"
	"$@" "$(command -v monitor_service)" check-config </dev/null >/dev/null
}

# is_bash_daemon is true where the unit of that name is the bash daemon's: it was
# left in place, or the operator has gone back to it.
is_bash_daemon() { [ -f "$bash_unit" ] && grep -q '^ExecStart=.*monitor_service\.sh' "$bash_unit"; }

say_how_to_replace() {
	say "(which ends the processes that it has started itself: systemctl status $unit lists them)"
	# Stopped first, while systemd still has the bash daemon's own way to do it.
	say "    systemctl stop $unit"
	say "    mv $bash_unit $bash_dir/$unit.bash"
	say "    systemctl daemon-reload && systemctl reenable $unit && systemctl start $unit"
}

# adopt_config copies the bash daemon's configuration. The old one stays for the
# way back, but there is a password in it too: from now on others cannot read it.
adopt_config() {
	[ -f "$bash_dir/config.ini" ] && cmp -s "$config" "$shipped" || return 0
	install -m 0640 -o root -g monitor_service "$bash_dir/config.ini" "$config"
	chmod o-rwx "$bash_dir/config.ini"
	say "$bash_dir/config.ini was copied to $config, which is the one that counts from now on"
	say "others than its owner and its group can no longer read $bash_dir/config.ini: it may have a password"
}

# processes_of_unit lists them, whichever version of control groups the host has.
processes_of_unit() {
	group=$(systemctl show --value --property=ControlGroup "$unit")
	[ -n "$group" ] || return 0
	for root in /sys/fs/cgroup/systemd /sys/fs/cgroup; do
		[ ! -f "$root$group/cgroup.procs" ] || { cat "$root$group/cgroup.procs" && break; }
	done
}

# has_moved waits until systemd has put a process into a scope, and fails if it
# does not.
has_moved() { # pid scope
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! grep -q "/$2\$" "/proc/$1/cgroup" 2>/dev/null || return 0
		[ -d "/proc/$1" ] || return 1
		sleep 0.2
	done
	return 1
}

# keep_its_processes takes what the bash daemon has started itself out of its
# unit, with which it would be killed: each into a scope of its own. What runs
# the daemon's own script, its subshells, ends with it.
keep_its_processes() {
	main=$(systemctl show --value --property=MainPID "$unit")
	for pid in $(processes_of_unit); do
		! cmp -s "/proc/$main/cmdline" "/proc/$pid/cmdline" || continue
		# Any user may have chosen the name.
		name=$(LC_ALL=C tr -cd '[:print:]' 2>/dev/null <"/proc/$pid/comm") || continue
		scope=monitor_service-kept-$pid.scope
		busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
			StartTransientUnit 'ssa(sv)a(sa(sv))' "$scope" fail 1 PIDs au 1 "$pid" 0 >/dev/null 2>&1 || true
		if has_moved "$pid" "$scope"; then
			say "process $pid ($name), which the bash daemon had started, goes on in $scope"
		elif [ -d "/proc/$pid" ]; then
			say "process $pid ($name), which the bash daemon had started, ends with it"
		fi
	done
}

# stop_bash_daemon does not wait for what the script waits for, a sleep between
# two polls perhaps, which is in a scope of its own by now.
stop_bash_daemon() {
	keep_its_processes
	timeout 10 systemctl stop "$unit" || {
		systemctl kill --signal=KILL "$unit" || true
		systemctl stop "$unit"
	}
}

# replace_bash_daemon puts this daemon in the place of the bash daemon: enabled
# if that was, running if that was. With a configuration that has mistakes the
# bash daemon goes on instead: an old monitor is better than none.
replace_bash_daemon() {
	is_bash_daemon || return 0
	if ! config_is_good; then
		say "the bash daemon was left in place: mend $config, then run"
		say_how_to_replace
		return 0
	fi
	enabled=no active=no
	! systemctl --quiet is-enabled "$unit" 2>/dev/null || enabled=yes
	if systemd_runs && systemctl --quiet is-active "$unit"; then
		active=yes
		stop_bash_daemon
	fi
	mkdir -p "$bash_dir"
	mv "$bash_unit" "$bash_dir/$unit.bash"
	if systemd_runs; then
		systemctl daemon-reload
		systemctl reset-failed "$unit" 2>/dev/null || true
	fi
	[ $enabled = no ] || systemctl --quiet reenable "$unit"
	[ $active = no ] || systemctl start "$unit" || say "it does not start: journalctl -u $unit"
	say "the bash daemon was replaced; its unit file is now $bash_dir/$unit.bash"
}

# restart lets the new program take over from the old one, which goes on where
# the new one would not start. The bash daemon is not its business.
restart() {
	if is_bash_daemon; then
		say "$bash_unit is the bash daemon's, which goes on; it hides the unit file of this package. To replace it, run"
		say_how_to_replace
		return 0
	fi
	systemd_runs && systemctl --quiet is-active "$unit" || return 0
	if config_is_good; then
		systemctl try-restart "$unit" || say "it does not start: journalctl -u $unit"
	else
		say "the daemon of before goes on: mend $config, then run: systemctl restart $unit"
	fi
}

case "$1" in
1) upgrade=no ;;
configure) if [ -n "${2-}" ]; then upgrade=yes; else upgrade=no; fi ;;
[2-9]*) upgrade=yes ;;
*) exit 0 ;; # dpkg's abort-upgrade and the like: nothing was changed
esac

if systemd_runs; then systemctl daemon-reload; fi
if [ $upgrade = yes ]; then
	restart
	exit 0
fi
adopt_config
replace_bash_daemon
if [ -f "$bash_unit" ]; then
	say "$bash_unit hides the unit file of this package"
elif ! systemd_runs || ! systemctl --quiet is-active "$unit"; then
	say "edit $config, then: monitor_service check-config && systemctl enable --now $unit"
fi
