/* SPDX-License-Identifier: MIT */
/*
 * TRAMPFD_ARCH is the folder in arch/ for the CPU, TRAMPFD_LIBC that in libc/ for the C library.  If
 * trampfd does not support the target, TRAMPFD_UNSUPPORTED is the reason.  setup.py and meson.build
 * read this file through the preprocessor of the compiler in use, so that it describes the target
 * of cross compilers and of -m32.
 */
#if !defined(__linux__)
#define TRAMPFD_UNSUPPORTED "trampfd works on Linux only."
#elif defined(__x86_64__) && defined(__ILP32__)
#define TRAMPFD_UNSUPPORTED "trampfd has no code for the x32 ABI, only for 64-bit x86-64."
#else
#if defined(__x86_64__)
#define TRAMPFD_ARCH "x86_64"
#elif defined(__aarch64__) && !defined(__ILP32__) && !defined(__AARCH64EB__)
#define TRAMPFD_ARCH "aarch64"
#elif defined(__arm__) && !defined(__ARMEB__)
#define TRAMPFD_ARCH "arm"
#elif defined(__i386__)
#define TRAMPFD_ARCH "i386"
#elif defined(__loongarch64)
#define TRAMPFD_ARCH "loongarch64"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__) && _CALL_ELF == 2
#define TRAMPFD_ARCH "ppc64le"
#elif defined(__riscv) && __riscv_xlen == 64
#define TRAMPFD_ARCH "riscv64"
#elif defined(__s390x__)
#define TRAMPFD_ARCH "s390x"
#else
#define TRAMPFD_ARCH "generic"
#endif
#include <features.h>
/* musl defines no name of its own; uClibc says that it is glibc, too. */
#if defined(__UCLIBC__) || defined(__BIONIC__)
#define TRAMPFD_UNSUPPORTED "trampfd needs the GNU C library or musl."
#elif defined(__GLIBC__)
#define TRAMPFD_LIBC "glibc"
#else
#define TRAMPFD_LIBC "musl"
#endif
#endif
