#!/bin/sh
# Before the files are removed. The first argument is 0 for a removal and 1 for
# an upgrade under rpm, "remove" or "upgrade" under dpkg.
set -eu
case "$1" in
0 | remove) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl --quiet disable --now monitor_service.service
else
	systemctl --quiet disable monitor_service.service
fi
