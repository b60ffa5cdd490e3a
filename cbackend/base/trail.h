/* SPDX-License-Identifier: MIT */
/* Remembering what was tried: one step per way that worked or was refused. */
#ifndef TFD_TRAIL_H
#define TFD_TRAIL_H

#include "trampfd.h"

/* Append a step and return -error.  A full trail drops it. */
int tfd_trail_add(struct trampfd_trail *trail, const char *way, const char *call, int error);

/* The errno of the last failed step, or ENOMEM when none failed. */
int tfd_trail_errno(const struct trampfd_trail *trail);

#endif
