/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "frame.h"
#include "stock_code.h"

/*
 * Entry of a closure that another libffi may have prepared: goes where its code would go, with the
 * closure in x17.
 *
 *   x18  record
 *   x17  the closure; a scratch register that carries no argument
 *   x16  its code, then the target; another one
 *   x9   saved: signal handlers may overwrite what lies below the stack pointer
 */
    .text
ROUTINE tfd_entry_foreign
    ldr x17, [x18, RECORD_USER_DATA]
    ldr x16, [x17]
    str x9, [sp, -16]!
    .cfi_def_cfa_offset 16
    ldr x9, =STOCK_START
    cmp x16, x9
    ldr x9, [sp], 16
    .cfi_def_cfa_offset 0
    b.ne 1f
    ldr x16, [x17, STOCK_TARGET]
    br x16
1:  b tfd_entry_dead
    .ltorg
END tfd_entry_foreign

ASM_END
