/* SPDX-License-Identifier: MIT */
/* Calls of slots that are free or not prepared. */
#ifndef TFD_DEAD_H
#define TFD_DEAD_H

#include "record.h"

/* Called by tfd_entry_dead: names the closure that was called, and aborts. */
_Noreturn void tfd_dead_report(const union tfd_record *record);

#endif
