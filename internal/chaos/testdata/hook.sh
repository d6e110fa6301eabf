#!/bin/bash
# hook STEP NAME: one step of a recovery, as the daemon or a unit runs it. It
# writes when it began and ended to the evidence, and misbehaves when told to. A
# command that hangs writes that it is still there, so that its end is seen.
step=$1 name=$2
exec {evidence}>>/run/chaos/evidence
say() { printf '%s %s %s %s %s\n' "$EPOCHREALTIME" "$1" "$step" "$name" $$ >&$evidence; }
say begin
mode=
[[ -e /run/chaos/mode/$step ]] && read -r mode </run/chaos/mode/$step
case $mode in
hang)
	# A start that hangs is the unit's, and of no recovery.
	[[ $step == start ]] && exec sleep 1000
	while sleep 0.05; do say on; done
	;;
fork) sleep 1000 & setsid sleep 3 & ;;
loud) head -c 100M /dev/zero | tr '\0' x ;;
stdin) cat >/dev/null ;;
signal) kill -SEGV $$ ;;
esac
hold=0.02
[[ $step == start ]] && hold=0.05
sleep $hold
if [[ $step == check && -e /run/chaos/sick/$name ]]; then
	say bad
	exit 1
fi
say ok
