/* SPDX-License-Identifier: MIT */
/*
 * What libffi writes into a closure on AArch64:
 *
 *   offset  0  ldr  x16, 16      the address that is jumped to
 *           4  adr  x17, 0       the closure
 *           8  br   x16
 *          16  the address
 *
 * Its first eight bytes identify it.
 */
#ifndef TFD_AARCH64_STOCK_CODE_H
#define TFD_AARCH64_STOCK_CODE_H

#define STOCK_START 0x10fffff158000090
#define STOCK_JUMP 0xd61f0200
#define STOCK_TARGET 16

#endif
