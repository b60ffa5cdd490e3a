/* SPDX-License-Identifier: MIT */
/* The entries of bound functions on x86-64: their numbers and sizes. */
#ifndef TFD_X86_64_BIND_H
#define TFD_X86_64_BIND_H

#define BIND_FIRST 0        /* and five more: by how many integer registers have to move */
#define BIND_FIRST_HIDDEN 6 /* and four more: after the address of the result */
#define BIND_LAST 11        /* and five more: by how many integer registers are taken */
#define BIND_ENTRIES 17
#define BIND_ENTRY_SIZE 32

#endif
