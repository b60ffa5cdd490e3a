# SPDX-License-Identifier: MIT
# Chroots of other Debian releases, for scripts to source. Needs root and debootstrap.

CHROOT_CACHE=${TRAMPFD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trampfd}

# chroot_need_root: end the script where chroots cannot be made.
chroot_need_root() {
    [ "$(id -u)" = 0 ] || {
        echo "${0##*/}: run as root, a chroot needs it" >&2
        exit 1
    }
}

# chroot_make SUITE FOLDER [PACKAGE,... [CPU]]: a minimal system, kept until somebody removes it.
chroot_make() {
    [ ! -e "$2/.complete" ] || return 0
    echo "Making a chroot of Debian $1 in $2"
    chroot_remove "$2"
    mkdir -p "$2"
    debootstrap --variant=minbase ${4:+"--arch=$4"} ${3:+"--include=$3"} "$1" "$2" \
        http://deb.debian.org/debian >"$2.log" 2>&1 || {
        tail -20 "$2.log" >&2
        return 1
    }
    # Neither a mirror that lags nor a clock that is ahead spoils a test.
    echo 'Acquire::Check-Valid-Until "false";' >"$2/etc/apt/apt.conf.d/90no-valid-until"
    touch "$2/.complete"
}

# chroot_mount FOLDER, chroot_umount FOLDER: what programs expect, and the names of the host.
#
# Nothing of the host is bound into a chroot, so that removing one can never remove more: debootstrap
# made the devices, and the file systems below are its own.
chroot_mount() {
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    mount -t proc proc "$1/proc"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
    mkdir -p "$1/dev/shm"
    mount -t tmpfs tmpfs "$1/dev/shm"
}

# Succeeds when nothing is mounted in the folder any more.  Lazily: a terminal of apt may be in use
# for a moment after apt has ended.
chroot_umount() {
    for chroot_place in dev/shm dev/pts proc; do
        ! mountpoint -q "$1/$chroot_place" || umount --lazy "$1/$chroot_place" || return 1
    done
}

# chroot_remove FOLDER: only once nothing is mounted in it.
chroot_remove() {
    chroot_umount "$1" || return 1
    rm -rf --one-file-system "$1"
}

# chroot_run FOLDER [NAME=VALUE...] COMMAND...: with nothing of the host's environment.
chroot_run() {
    chroot_root=$1
    shift
    chroot "$chroot_root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}
