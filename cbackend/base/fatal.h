/* SPDX-License-Identifier: MIT */
/* Messages, most of which end the process; safe in signal handlers, allocates nothing. */
#ifndef TFD_FATAL_H
#define TFD_FATAL_H

#include "slot/record.h"
#include "trampfd.h"

/* "trampfd: <what> (closure 0x<code>)", without the closure if NULL, then abort(3). */
_Noreturn void tfd_fatal(const char *what, const void *code);

/* "trampfd: <what> (closure 0x<code>): error <errno>"; the process goes on. */
void tfd_warn(const char *what, const void *code, int error);
/* "trampfd: <what>: <every way tried and why it failed>", then abort(3). */
_Noreturn void tfd_fatal_trail(const char *what, const struct trampfd_trail *trail);

/* Called by tfd_entry_dead: says which closure was called after it was freed, and aborts. */
_Noreturn void tfd_dead_report(const union tfd_record *record);

#endif
