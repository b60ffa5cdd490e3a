/* SPDX-License-Identifier: MIT */
#include <stdint.h>

typedef int (*compare)(const void *, const void *);

/* A comparison that calls the Go function behind the handle; NULL, with errno set. */
void *callback_make(uintptr_t handle, compare *code);
void callback_free(void *closure);
