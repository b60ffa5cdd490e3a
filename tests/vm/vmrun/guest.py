# SPDX-License-Identifier: MIT
"""Boots the guest, runs the command in it and judges how it went."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import VmError
from .initramfs import make_initramfs
from .kernels import Kernel
from .log import complaints
from .ramdisk import pack

NOTHING_ALIVE = "descriptors 0 contexts 0 copies 0 pages 0"
SELFTEST = "/mnt/out/selftest"  # where the guest finds them
DESCRIPTORS = 65536  # the user type takes one for each closure
RESULTS = ("console.log", "dmesg", "kmemleak", "live", "output", "status", "init-error", "folders")


@dataclass(frozen=True)
class Job:
    """What to run, where, and with how much of everything."""

    kernel: Kernel
    module: Path | None
    selftests: Path | None
    words: list[str]
    root: Path
    folder: Path
    env: dict[str, str]
    copies: list[Path]
    output: Path | None
    timeout: int
    memory: int
    kvm: bool
    fast: bool
    debug_allocator: bool
    systemd: bool
    selinux: bool


def command_script(job: Job) -> str:
    """The shell script that the guest runs below the host's root."""
    settings = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": "/mnt/tmp",
        "TRAMPFD_KO": "/mnt/out/trampfd.ko",
        **job.env,
    }
    words = [f"{name}={value}" for name, value in settings.items()]
    return (
        f"ulimit -n {DESCRIPTORS} || exit 125\n"
        f"cd {shlex.quote(str(job.folder))} || exit 125\n"
        f"exec env -i {shlex.join(words)} {shlex.join(job.words)}\n"
    )


def drive(image: Path, options: str) -> list[str]:
    return ["-drive", f"file={image},format=raw,if=virtio,{options}"]


def share(tag: str, folder: Path, options: str = "") -> list[str]:
    return [
        "-fsdev",
        f"local,id={tag},path={folder},security_model=none{options}",
        "-device",
        f"virtio-9p-pci,fsdev={tag},mount_tag={tag}",
    ]


def qemu(job: Job, out: Path, initramfs: Path, disk: Path | None) -> list[str]:
    """The command line. Any panic ends QEMU, as does the guest's poweroff."""
    # maxcpus: the kernel patches its code while it boots, and QEMU 7.2 at times lets another
    # processor run the breakpoint that was there meanwhile; so init starts the second one.
    target = job.kernel.machine
    parameters = f"{target.parameters} loglevel=5 panic=-1 oops=panic maxcpus=1"
    # A report of a race counts as a warning, and most are of Linux itself.
    races = job.kernel.source.reports_races
    parameters += " kcsan.early_enable=1" if races else " panic_on_warn=1"
    if disk:
        parameters += " copies=/dev/vda"
    if job.systemd:
        # The first for init, the others for systemd.
        parameters += " systemd=1 systemd.unit=multi-user.target systemd.show_status=no"
    if job.selinux:
        parameters += " security=selinux selinux=1 enforcing=1"
    if job.fast:
        parameters += " norandmaps"
    if job.debug_allocator:
        parameters += " slub_debug=FZP slab_debug=FZP page_poison=1 kfence.sample_interval=50"
    machine = (
        ["-accel", "kvm", "-cpu", "host"]
        if job.kvm
        else ["-accel", "tcg,thread=multi", "-cpu", target.emulated_cpu]
    )
    shares = share("out", out)
    if job.root.is_file():
        parameters += " disk=/dev/vda"
        shares += drive(job.root, "snapshot=on")
    else:
        shares += share("hostroot", job.root, ",readonly=on,multidevs=remap")
    if disk:
        shares += drive(disk, "readonly=on")
    return [
        target.qemu,
        *machine,
        *target.board,
        "-m",
        str(job.memory),
        "-smp",
        "2",
        "-display",
        "none",
        "-no-reboot",
        "-nodefaults",
        "-serial",
        f"file:{out / 'console.log'}",
        "-kernel",
        str(job.kernel.vmlinuz),
        "-initrd",
        str(initramfs),
        "-append",
        parameters,
        *shares,
    ]


def text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def boot(job: Job, out: Path) -> str:
    """Runs the guest to its end; returns what went wrong with it, or nothing."""
    with tempfile.TemporaryDirectory(prefix="trampfd-vm-") as place:
        initramfs = Path(place) / "initramfs"
        make_initramfs(job.kernel, initramfs)
        disk = Path(place) / "disk" if job.copies else None
        if disk:
            pack(job.copies, job.root, disk, out / "folders")
        try:
            done = subprocess.run(
                qemu(job, out, initramfs, disk),
                stdin=subprocess.DEVNULL,
                timeout=job.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"the guest was ended after {job.timeout} s"
    if done.returncode:
        return f"QEMU failed with status {done.returncode}"
    return "" if (out / "status").exists() else "the guest died before the command ended"


def faults(out: Path, has_module: bool) -> list[str]:
    """What the kernel log and the module's counters tell against the run."""
    found = complaints(text(out / "console.log"))
    found += [line for line in complaints(text(out / "dmesg")) if line not in found]
    found += text(out / "kmemleak").splitlines()
    live = text(out / "live").strip()
    if has_module and live != NOTHING_ALIVE:
        found.append(f"the module was not clean at the end: {live or 'not known'}")
    return found


def report(out: Path, trouble: str, found: list[str]) -> int:
    """Prints the command's output and the verdict; returns the status for the caller."""
    sys.stdout.write(text(out / "output"))
    status = text(out / "status").strip()
    if trouble:
        print(f"vm: {trouble}; {text(out / 'init-error').strip() or 'end of its console'}:")
        print("\n".join(text(out / "console.log").splitlines()[-60:]))
    for line in found:
        print(f"vm: kernel: {line}")
    code = int(status) if status.isdigit() else 1
    if trouble or found:
        code = code or 1
    print(f"vm: {'passed' if code == 0 else f'failed ({code})'}", flush=True)
    return code


def run_in_guest(job: Job) -> int:
    """Runs the job; returns 0 only if the command did and the kernel had nothing to say."""
    with tempfile.TemporaryDirectory(prefix="trampfd-out-") as place:
        out = job.output.absolute() if job.output else Path(place)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VmError(f"{out}: {error.strerror}") from error
        for name in RESULTS:
            (out / name).unlink(missing_ok=True)
        (out / "trampfd.ko").unlink(missing_ok=True)
        if job.module:
            shutil.copy(job.module, out / "trampfd.ko")
        shutil.rmtree(out / "selftest", ignore_errors=True)
        if job.selftests:
            shutil.copytree(job.selftests, out / "selftest")
        (out / "command").write_text(command_script(job))
        trouble = boot(job, out)
        return report(out, trouble, faults(out, job.module is not None))
