# SPDX-License-Identifier: MIT
# Other CPUs by emulation of single programs, for scripts to source after chroot.sh.
#
# tools/ports.txt has a row for each port: its folder in cbackend/arch, the CPU's name in Debian, a
# release of Debian for it, and its names in QEMU (-: this machine runs its programs) and in compilers.

# emulate_find PORT: sets emulate_debian, emulate_suite, emulate_qemu and emulate_compiler.
emulate_find() {
    read -r emulate_debian emulate_suite emulate_qemu emulate_compiler <<EOF
$(sed -n "s/^$1 //p" "$here/tools/ports.txt")
EOF
    [ -n "$emulate_compiler" ]
}

# emulate_register: let the kernel run programs of that CPU, also in a chroot without an emulator.
emulate_register() {
    [ "$emulate_qemu" != - ] || return 0
    emulate_formats=/proc/sys/fs/binfmt_misc
    [ -e "$emulate_formats/register" ] || mount -t binfmt_misc binfmt_misc "$emulate_formats"
    [ -e "$emulate_formats/qemu-$emulate_qemu" ] ||
        grep -v '^#' "/usr/lib/binfmt.d/qemu-$emulate_qemu.conf" >"$emulate_formats/register"
}

# emulate_lend_compiler ROOT: this machine's cross compiler, which is not emulated there, in /cross,
# with the libraries that it needs; the root's own compilers are hidden by it.
emulate_lend_compiler() {
    emulate_bin=$1/usr/local/bin
    emulate_version=$("$emulate_compiler-gcc" -dumpversion)
    mkdir -p "$1/cross" "$emulate_bin"
    dpkg-query -L "gcc-$emulate_version-$emulate_compiler" \
        "g++-$emulate_version-$emulate_compiler" \
        "cpp-$emulate_version-$emulate_compiler" "binutils-$emulate_compiler" \
        "libc6-$emulate_debian-cross" "libc6-dev-$emulate_debian-cross" \
        "linux-libc-dev-$emulate_debian-cross" "libgcc-s1-$emulate_debian-cross" \
        "libgcc-$emulate_version-dev-$emulate_debian-cross" "libstdc++6-$emulate_debian-cross" \
        "libstdc++-$emulate_version-dev-$emulate_debian-cross" |
        sed -n '/usr.share/d; s|^/||p' | sort -u |
        tar -C / --no-recursion --ignore-failed-read --files-from - -cf - |
        tar -C "$1/cross" -xf -
    find "$1/cross/usr/bin" "$1/cross/usr/lib/gcc-cross" -type f -perm -u+x -exec ldd {} + \
        2>/dev/null | sed -n 's|:$||; t; s|.*[[:space:]]/\([^ ]*\) (.*|\1|p' | sort -u |
        tar -C / --dereference --files-from - -cf - | tar -C "$1" -xf -
    ln -sfn "/cross/usr/$emulate_compiler" "$1/usr/$emulate_compiler"
    for emulate_tool in as ld nm objdump readelf ar strip; do
        ln -sf "/cross/usr/bin/$emulate_compiler-$emulate_tool" "$emulate_bin/$emulate_tool"
    done
    for emulate_tool in gcc:cc g++:c++ gcc:gcc g++:g++ "gcc:$emulate_compiler-gcc" \
        "g++:$emulate_compiler-g++"; do
        ln -sf "/cross/usr/bin/$emulate_compiler-${emulate_tool%%:*}-$emulate_version" \
            "$emulate_bin/${emulate_tool#*:}"
    done
}

# emulate_checkout PORT: this checkout, built in the chroot of that port, which is made if need be and
# mounted until the script ends. Sets emulate_root.
emulate_checkout() {
    emulate_find "$1" || usage_refuse "there is no $1 in tools/ports.txt"
    emulate_root=$CHROOT_CACHE/$emulate_suite-$emulate_debian

    chroot_need_root
    "$here/tools/install-deps" debootstrap qemu-user-static "g++-$emulate_compiler"
    emulate_register
    chroot_make "$emulate_suite" "$emulate_root" ca-certificates "$emulate_debian"

    # Certificates are those of the host.
    cp -L /etc/ssl/certs/ca-certificates.crt "$emulate_root/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$emulate_root/src"
    "$here/tools/export-tree" "$emulate_root/src"

    trap 'chroot_umount "$emulate_root"' EXIT
    chroot_mount "$emulate_root"
    emulate_run /src/tools/install-deps python3 python3-venv python3-dev pkg-config libffi-dev \
        libsqlite3-0 python3-cffi python3-pytest python3-pytest-xdist python3-pytest-timeout \
        python3-hypothesis python3-setuptools python3-wheel python3-pip make meson ninja-build
    [ -e "$emulate_root/cross" ] || emulate_lend_compiler "$emulate_root"
    [ -e "$emulate_root/venv" ] || emulate_run python3 -m venv --system-site-packages /venv
    emulate_run /venv/bin/python -m pip install --quiet --no-build-isolation --no-deps \
        --editable /src
}

# emulate_run COMMAND...: in that chroot.
emulate_run() {
    chroot_run "$emulate_root" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin TRAMPFD_VM=1 \
        TRAMPFD_EMULATED=1 "$@"
}
