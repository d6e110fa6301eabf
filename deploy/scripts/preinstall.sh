#!/bin/sh
# Before the files are unpacked, at installation and upgrade, under rpm and
# dpkg: config.ini belongs to a group that has to be there by then. The line is
# that of the sysusers.d file, which is not there yet.
set -eu
systemd-sysusers --replace=/usr/lib/sysusers.d/monitor_service.conf - <<'USERS'
u monitor_service - "Restarts processes in alarm" /var/lib/monitor_service
USERS
