/* SPDX-License-Identifier: MIT */
/* What the library standing in for libffi saw: which object file does what. */
#ifndef TFD_FFI_REPORT_H
#define TFD_FFI_REPORT_H

#include "trampfd.h"

enum tfd_event {
    TFD_MAKES_CLOSURE,
    TFD_IS_REFUSED,            /* there was no way to make a closure */
    TFD_IS_FORWARDED,          /* memory that is not ours: libffi did it */
    TFD_PREPARES_FOR_WRITABLE, /* with the writable address as the one to call */
    TFD_FREES_CODE,            /* from here on misuse, said when it is first seen */
    TFD_PREPARES_CODE,
    TFD_FREES_OTHERS,
    TFD_PREPARES_OTHERS,
    TFD_PREPARES_STRANGERS, /* of libtrampfd or the Python extension */
    TFD_FINDS_NO_LIBFFI,
    TFD_EVENTS,
};

/* The object file with the code at `caller` did it.  Keeps errno. */
void tfd_report(enum tfd_event event, const void *caller);

/* Say why there is no closure: once, and only if TRAMPFD_DEBUG asks for it. */
void tfd_report_trail(const struct trampfd_trail *trail);

#endif
