#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# First process of the guest. The share "out" holds the module and the command; the command's output
# and status, and the kernel log, go back there. A missing "status" file means that the guest died.
# With systemd=1 on the kernel's command line, systemd of that root is the first process from then
# on, and a service of it runs the command.
export PATH=/bin
busybox mount -t proc proc /proc
busybox --install -s /bin

fail() {
	echo "init: $1" | tee /out/init-error
	poweroff -f
}

mount -t devtmpfs dev /dev
mount -t sysfs sys /sys
while read -r name; do
	insmod "/modules/$name.ko" || fail "insmod $name"
done < /modules/order

options=trans=virtio,version=9p2000.L,msize=262144
mount -t 9p -o "$options" out /out || fail "mount out"
# The kernel hands its command line's disk= and copies= on in the environment.
if [ -n "${disk:-}" ]; then
	mount -t ext4 "$disk" /new || fail "mount $disk"
else
	mount -t 9p -o "$options,ro,cache=loose" hostroot /host || fail "mount the host's root"
	mount -t tmpfs -o size=75% upper /upper && mkdir /upper/data /upper/work
	mount -t tmpfs -o size=75% copies /copies
	[ -z "${copies:-}" ] || tar -xf "$copies" -C /copies || fail "unpack the copies from $copies"
	mount -t overlay -o lowerdir=/copies:/host,upperdir=/upper/data,workdir=/upper/work overlay \
		/new || fail "mount overlay"
	# A folder that lies on the share as well would be listed there, too.
	[ ! -e /out/folders ] || while read -r folder; do
		mount --bind "/copies$folder" "/new$folder" || fail "mount the copy of $folder"
	done < /out/folders
fi

mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount --bind /dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm /new/mnt/out /new/mnt/tmp
mount -t devpts devpts /new/dev/pts
mount -t tmpfs shm /new/dev/shm
mount -t tmpfs run /new/run
mount -t tmpfs -o size=75% tmp /new/mnt/tmp
mount --bind /out /new/mnt/out
ln -s /proc/self/fd /new/dev/fd
ip link set lo up
hostname trampfd-vm

echo 1 > /sys/devices/system/cpu/cpu1/online || fail "start the second processor"
[ ! -e /out/trampfd.ko ] || insmod /out/trampfd.ko || fail "insmod trampfd"

if [ -z "${systemd:-}" ]; then
	chroot /new /bin/sh /mnt/out/command > /out/output 2>&1
	exec sh /finish $? /out
fi

# In /run, where systemd gives labels of SELinux to what is there already.
units=/new/run/systemd/system
mkdir -p "$units/multi-user.target.wants" /new/run/trampfd-vm || fail "make folders"
cp /command.service "$units/trampfd-vm.service" || fail "write the service"
ln -s ../trampfd-vm.service "$units/multi-user.target.wants" || fail "enable the service"
cp /bin/busybox /finish /new/run/trampfd-vm || fail "copy /finish"
exec switch_root -c /dev/console /new /lib/systemd/systemd
