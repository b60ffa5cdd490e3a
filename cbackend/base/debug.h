/* SPDX-License-Identifier: MIT */
#ifndef TFD_DEBUG_H
#define TFD_DEBUG_H

/*
 * Was TRAMPFD_DEBUG set, but to 0, when this was first asked?  Privileged programs ignore it.  For
 * messages that cost more than a program without a defect should pay.
 */
int tfd_debug(void);

#endif
