/* SPDX-License-Identifier: MIT */
/* What the preload library observed: which object file does what. */
#ifndef TFD_FFI_REPORT_H
#define TFD_FFI_REPORT_H

#include "trampfd.h"

enum tfd_event {
    TFD_MAKES_CLOSURE,
    TFD_IS_REFUSED,            /* no closure could be made */
    TFD_IS_FORWARDED,          /* memory of another library; libffi handled it */
    TFD_PREPARES_FOR_WRITABLE, /* with the writable address as the one to call */
    TFD_FREES_CODE,            /* from here on misuse, reported when it is first seen */
    TFD_PREPARES_CODE,
    TFD_FREES_OTHERS,
    TFD_PREPARES_OTHERS,
    TFD_PREPARES_STRANGERS, /* of libtrampfd or the Python extension */
    TFD_FINDS_NO_LIBFFI,
    TFD_EVENTS,
};

/* Count an event of the object file that contains `caller`.  Preserves errno. */
void tfd_report(enum tfd_event event, const void *caller);

/* Print why no closure was made: once, and only if TRAMPFD_DEBUG is set. */
void tfd_report_trail(const struct trampfd_trail *trail);

#endif
