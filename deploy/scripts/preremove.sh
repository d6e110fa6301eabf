#!/bin/sh
# Before the files are removed. The first argument is 0 for a removal and 1 for
# an upgrade under rpm, "remove" or "upgrade" under dpkg.
set -eu
case "$1" in
0 | remove) ;;
*) exit 0 ;;
esac
# The unit of that name may be the bash daemon's, which the operator has gone back
# to or which was left in place: it stays as it is.
bash_unit=/etc/systemd/system/monitor_service.service
if [ -f "$bash_unit" ] && grep -q '^ExecStart=.*monitor_service\.sh' "$bash_unit"; then exit 0; fi
if [ -d /run/systemd/system ]; then
	systemctl --quiet disable --now monitor_service.service
else
	systemctl --quiet disable monitor_service.service
fi
