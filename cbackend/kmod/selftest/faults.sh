#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# faults.sh FOLDER SECONDS
#
# Runs the fuzzers that were built into FOLDER, as root, while one allocation of the kernel in fifty
# fails, for so many seconds.  It needs a kernel with failslab and fail_page_alloc.  The fuzzers
# themselves may fail, but one must get to its end; the kernel's log tells, and at the end nothing may
# be alive in the module.  They should be linked statically, and are copied to memory first: what a file system on a
# network could not allocate, it does not try again.
case $1 in
-h | --help)
	awk 'NR > 2 && !/^#/ { exit } NR > 2 { sub(/^# ?/, ""); print }' "$0"
	exit 0
	;;
esac
if [ $# -ne 2 ]; then
	echo "usage: faults.sh FOLDER SECONDS" >&2
	exit 2
fi
folder=$(mktemp -d) && mount -t tmpfs fuzzers "$folder" || exit 1
cp "$1/fuzz" "$1/syscalls" "$folder" || exit 1
end=$(($(date +%s) + $2))
debug=/sys/kernel/debug
live=/sys/module/trampfd/parameters/live
none="descriptors 0 contexts 0 copies 0 pages 0"

[ -d $debug/failslab ] || mount -t debugfs debug $debug
for kind in failslab fail_page_alloc; do
	[ -d $debug/$kind ] || { echo "this kernel has no $kind" >&2; exit 1; }
	echo 2 > $debug/$kind/probability
	echo 0 > $debug/$kind/interval
	echo -1 > $debug/$kind/times
	echo 0 > $debug/$kind/verbose # a line and a stack for each would look like a fault of the kernel
	echo Y > $debug/$kind/task-filter
	echo N > $debug/$kind/ignore-gfp-wait
done
echo 0 > $debug/fail_page_alloc/min-order

rounds=0
completed=0
while [ "$(date +%s)" -lt "$end" ]; do
	for name in fuzz syscalls; do
		TRAMPFD_SHORT=1 TRAMPFD_FAULTS=1 "$folder/$name" > "$folder/said" 2>&1
	done
	grep -q '^calls: ' "$folder/said" && completed=$((completed + 1))
	rounds=$((rounds + 1))
done
echo "# $rounds rounds with failing allocations, $completed to their end"
[ $completed -gt 0 ] || { echo "not ok: no fuzzer got to its end"; cat "$folder/said"; exit 1; }
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(cat $live)" = "$none" ] && exit 0
	sleep 1
done
echo "not ok: left behind: $(cat $live)"
exit 1
