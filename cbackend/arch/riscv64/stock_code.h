/* SPDX-License-Identifier: MIT */
/*
 * What libffi writes into a closure on RISC-V:
 *
 *   offset  0  auipc t1, 0       the closure
 *           4  ld    t2, 16(t1)  the address that is jumped to
 *           8  jr    t2
 *          12  nop
 *          16  the address
 *
 * Its first eight bytes identify it.
 */
#ifndef TFD_RISCV64_STOCK_CODE_H
#define TFD_RISCV64_STOCK_CODE_H

#define STOCK_START 0x0103338300000317
#define STOCK_JUMP 0x00038067
#define STOCK_TARGET 16

#endif
