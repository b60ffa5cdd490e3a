/* SPDX-License-Identifier: MIT */
/* Slots that are mapped ahead, see trampfd_reserve(); and the environment that asks for them. */
#ifndef TFD_RESERVE_H
#define TFD_RESERVE_H

#include "trampfd.h"

/*
 * trampfd_reserve() with the number in TRAMPFD_RESERVE, which is ignored in a set-user-ID program;
 * does nothing if that is unset, empty or 0.  EINVAL: it is not a number, and the trail says so.
 */
int tfd_reserve_asked_for(struct trampfd_trail *trail);

/* The same for the preload library when it is loaded; there only. */
void tfd_reserve_at_start(void) __attribute__((weak, visibility("hidden")));

#endif
