/* SPDX-License-Identifier: MIT */
/* Settings from the environment, which privileged programs ignore. */
#ifndef TFD_SETTING_H
#define TFD_SETTING_H

/* The value of the variable; NULL if it is unset, empty or 0. */
const char *tfd_setting(const char *name);

/*
 * Was TRAMPFD_DEBUG set when this was first asked?  For messages that cost more than a program without
 * a defect should pay.
 */
int tfd_debug(void);

#endif
