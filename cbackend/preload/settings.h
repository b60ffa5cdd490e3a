/* SPDX-License-Identifier: MIT */
/* What the environment asks for; nothing of it counts in a set-user-ID program. */
#ifndef TFD_FFI_SETTINGS_H
#define TFD_FFI_SETTINGS_H

struct tfd_settings {
    int disabled;       /* TRAMPFD_DISABLE: libffi serves everything */
    int debug;          /* TRAMPFD_DEBUG: failures are said on standard error */
    const char *report; /* TRAMPFD_REPORT, or NULL */
};

/* Read at the first call, which may come before any constructor has run. */
const struct tfd_settings *tfd_settings(void);

#endif
