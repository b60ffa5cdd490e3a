/* SPDX-License-Identifier: MIT */
/* The entries of bound functions on AArch64: their numbers and sizes. */
#ifndef TFD_AARCH64_BIND_H
#define TFD_AARCH64_BIND_H

#define BIND_FIRST 0
#define BIND_LAST 1 /* and seven more: by how many integer registers are taken */
#define BIND_ENTRIES 9
#define BIND_ENTRY_SIZE 64

#endif
