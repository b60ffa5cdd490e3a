/* SPDX-License-Identifier: MIT */
/* Ending the process with a message; safe in signal handlers, allocates nothing. */
#ifndef TFD_FATAL_H
#define TFD_FATAL_H

#include "record.h"

/* "trampfd: <what> (closure 0x<code>)", then abort(3). */
_Noreturn void tfd_fatal(const char *what, const void *code);

/* Called by tfd_entry_dead: says which closure was called after it was freed, and aborts. */
_Noreturn void tfd_dead_report(const union tfd_record *record);

#endif
