/* SPDX-License-Identifier: MIT */
/* Messages, most of which end the process.  Safe in signal handlers; they allocate no memory. */
#ifndef TFD_FATAL_H
#define TFD_FATAL_H

#include "trampfd.h"

/* "trampfd: <what> (closure 0x<code>)", without the closure if NULL, then abort(3). */
_Noreturn void tfd_fatal(const char *what, const void *code);

/* "trampfd: <what> (closure 0x<code>): error <errno>"; the process goes on. */
void tfd_warn(const char *what, const void *code, int error);

/* "trampfd: <what>: <every attempt and why it failed>", then abort(3). */
_Noreturn void tfd_fatal_trail(const char *what, const struct trampfd_trail *trail);

/* The message, with its newline, then abort(3). */
_Noreturn void tfd_die(const char *message);

#endif
