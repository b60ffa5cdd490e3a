#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh FOLDER [short]
#
# Runs the selftests that were built into FOLDER, as root; short: with fewer repetitions. After each
# test nothing of it may be alive in the module.
case $1 in
-h | --help)
	awk 'NR > 2 && !/^#/ { exit } NR > 2 { sub(/^# ?/, ""); print }' "$0"
	exit 0
	;;
esac
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "${2:-short}" != short ]; then
	echo "usage: run.sh FOLDER [short]" >&2
	exit 2
fi
folder=$1
[ $# -eq 1 ] || export TRAMPFD_SHORT=1
live=/sys/module/trampfd/parameters/live
none="descriptors 0 contexts 0 copies 0 pages 0"
failed=0

for name in create user_context user_call table_misuse table_call final attacker limits io_uring \
	races fuzz syscalls module; do
	if [ ! -e "$folder/$name" ]; then
		echo "ok $name # SKIP it is for another CPU"
		continue
	fi
	echo "# $name"
	"$folder/$name" || { echo "not ok $name: status $?"; failed=1; }
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(cat $live)" = "$none" ] && break
		sleep 0.2
	done
	if [ "$(cat $live)" != "$none" ]; then
		echo "not ok $name: left behind: $(cat $live)"
		failed=1
	fi
done
exit $failed
