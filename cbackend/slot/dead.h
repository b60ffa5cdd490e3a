/* SPDX-License-Identifier: MIT */
/* What a call of a slot comes to that is free, or not prepared. */
#ifndef TFD_DEAD_H
#define TFD_DEAD_H

#include "record.h"

/* Called by tfd_entry_dead: says which closure was called after it was freed, and aborts. */
_Noreturn void tfd_dead_report(const union tfd_record *record);

#endif
