/* SPDX-License-Identifier: MIT */
/* With TRAMPFD_DEBUG: which object files made and freed a closure, for the message of a late call. */
#ifndef TFD_ORIGIN_H
#define TFD_ORIGIN_H

#include "slot/names.h"

/* Keep who made a closure; the call returns to `caller`. */
void tfd_origin_made(const void *closure, const void *caller);

/* The name of a closure that is about to be freed, in `name`; NULL if there is nothing to say. */
const char *tfd_origin_freed(const void *closure, const void *caller,
                             char name[TFD_NAME_SIZE_DEBUG]);

#endif
