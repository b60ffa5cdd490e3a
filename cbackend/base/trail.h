/* SPDX-License-Identifier: MIT */
/* Keeping a record of the attempts to make something. */
#ifndef TFD_TRAIL_H
#define TFD_TRAIL_H

#include "trampfd.h"

/* Append an attempt and return -error.  A full trail drops it, and NULL may be passed. */
int tfd_trail_add(struct trampfd_trail *trail, const char *source, const char *call, int error);

#endif
