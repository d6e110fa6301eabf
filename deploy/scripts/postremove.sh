#!/bin/sh
# After the files were removed; the first argument is as for preremove, and
# under dpkg also "purge": what the daemon and its operator wrote goes as well.
# rpm knows no purge, and leaves a config.ini that was changed as
# config.ini.rpmsave. The user stays: files may be left that are its own.
set -eu
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
[ "$1" = purge ] || exit 0
rm -rf /etc/monitor_service /var/lib/monitor_service /var/log/monitor_service
rm -f /etc/polkit-1/rules.d/50-monitor_service.rules
# Where the bash daemon has its unit, the log, the drop-ins and the environment are its own.
bash_unit=/etc/systemd/system/monitor_service.service
if [ -f "$bash_unit" ] && grep -q '^ExecStart=.*monitor_service\.sh' "$bash_unit"; then exit 0; fi
rm -rf /etc/systemd/system/monitor_service.service.d
rm -f /etc/sysconfig/monitor_service
rm -f /var/log/monitor_service.log /var/log/monitor_service-*.log /var/log/monitor_service-*.log.gz
