/* SPDX-License-Identifier: MIT */
/* The entries of bound functions on RISC-V: their numbers and sizes. */
#ifndef TFD_RISCV64_BIND_H
#define TFD_RISCV64_BIND_H

#define BIND_FIRST 0
#define BIND_FIRST_HIDDEN 1 /* behind the address of a result in memory */
#define BIND_LAST 2         /* and seven more: by how many integer registers are taken */
#define BIND_ENTRIES 10
#define BIND_ENTRY_SIZE 64

#endif
