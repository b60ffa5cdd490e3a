/* SPDX-License-Identifier: MIT */
/* Exceptions and messages. */
#ifndef NATIVE_ERROR_H
#define NATIVE_ERROR_H

#include "compat.h"

#include <trampfd.h>

/* A list of (source, call, errno). */
PyObject *error_attempts(const struct trampfd_trail *trail);

/* Raise ClosureError for a closure or a trampoline that cannot be made. */
void error_refused(const char *what, const struct trampfd_trail *trail, int error);

/*
 * Report the current exception through sys.unraisablehook as "Exception ignored
 * <before><object's repr><after>"; `object` may be NULL.
 */
void error_print(const char *before, PyObject *object, const char *after);

/* Raise OSError for a negative errno; returns NULL. */
PyObject *error_raise(int error);

#endif
