#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# finish STATUS OUT: the last that runs in the guest. Leaves in OUT how the command ended, what of the
# module is in use, and the kernel log.
status=$1
out=$2

# Memory that nothing points to, if this kernel looks for it: found by the second scan that is long
# enough after it was allocated.
find_leaks() {
	mount -t debugfs debug /sys/kernel/debug 2> /dev/null
	[ -e /sys/kernel/debug/kmemleak ] || return 0
	for _ in 1 2; do
		sleep 6
		echo scan > /sys/kernel/debug/kmemleak
	done
	cat /sys/kernel/debug/kmemleak
}

# What the command's processes leave behind for the next moment (RCU, delayed closing) is not a leak.
live=/sys/module/trampfd/parameters/live
none="descriptors 0 contexts 0 copies 0 pages 0"
if [ -e $live ]; then
	for _ in 1 2 3 4 5; do
		[ "$(cat $live)" = "$none" ] && break
		sleep 1
	done
	cat $live > "$out/live"
	find_leaks > "$out/kmemleak"
	rmmod trampfd || echo "rmmod failed" >> "$out/live"
fi
dmesg > "$out/dmesg"
echo "$status" > "$out/status"
sync
poweroff -f
