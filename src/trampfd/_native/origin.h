/* SPDX-License-Identifier: MIT */
/* With TRAMPFD_DEBUG: which line of Python made and freed a closure, for the message of a late call. */
#ifndef NATIVE_ORIGIN_H
#define NATIVE_ORIGIN_H

#include "compat.h"

#include <slot/names.h>

/*
 * The name of a closure that is being made, with the line that makes it; the name itself if that is
 * not asked for.  Takes the reference to `name`, which may be NULL with an exception; so may the
 * result.
 */
PyObject *origin_made(PyObject *name);

/* The same for one that is about to be freed: `name`, or a longer one in `text`. */
const char *origin_freed(const char *name, char text[TFD_NAME_SIZE_DEBUG]);

#endif
