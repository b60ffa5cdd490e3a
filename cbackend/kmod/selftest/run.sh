#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the selftests in the folder $1 as root; a second word "short" means fewer repetitions.
# After each test nothing of it may be alive in the module.
folder=${1:?usage: run.sh FOLDER [short]}
[ "$2" = short ] && export TRAMPFD_SHORT=1
live=/sys/module/trampfd/parameters/live
none="descriptors 0 contexts 0 copies 0 pages 0"
failed=0

for name in create user_context user_call table_misuse table_call limits io_uring races fuzz module; do
	echo "# $name"
	"$folder/$name" || { echo "not ok $name: status $?"; failed=1; }
	for try in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(cat $live)" = "$none" ] && break
		sleep 0.2
	done
	if [ "$(cat $live)" != "$none" ]; then
		echo "not ok $name: left behind: $(cat $live)"
		failed=1
	fi
done
exit $failed
