/* SPDX-License-Identifier: MIT */
/* Settings from the environment, which are ignored in a set-user-ID program. */
#ifndef TFD_FFI_SETTINGS_H
#define TFD_FFI_SETTINGS_H

struct tfd_settings {
    int disabled;       /* TRAMPFD_DISABLE: libffi serves everything */
    const char *report; /* TRAMPFD_REPORT, or NULL */
};

/* Read by the first call, which may happen before any constructor has run. */
const struct tfd_settings *tfd_settings(void);

#endif
