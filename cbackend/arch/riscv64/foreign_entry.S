/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "frame.h"
#include "stock_code.h"

/*
 * Entry of a closure that another libffi may have prepared: goes where its code would go, with the
 * closure in t1.
 *
 *   t2  record, then the target
 *   t1  the closure
 *   t3, t4  scratch registers that carry no argument
 */
    .text
ROUTINE tfd_entry_foreign
    ld t1, RECORD_USER_DATA(t2)
    ld t3, (t1)
    li t4, STOCK_START
    bne t3, t4, 1f
    ld t2, STOCK_TARGET(t1)
    jr t2
1:  j tfd_entry_dead
END tfd_entry_foreign

ASM_END
