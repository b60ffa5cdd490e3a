/* SPDX-License-Identifier: MIT */
/* Compiling a signature to a plan that is in no cache. */
#ifndef TFD_PLAN_COMPILE_H
#define TFD_PLAN_COMPILE_H

#include "plan_key.h"

/* As tfd_plan_compile(), with the key of the cif. */
struct tfd_plan *tfd_plan_compile_key(const struct tfd_plan_key *key, const ffi_cif *cif);

/* Bytes, of all that belongs to it. */
size_t tfd_plan_size(const struct tfd_plan *plan);

/* Have the plan refer to its vectors and its key as if it were at `place`. */
void tfd_plan_point(struct tfd_plan *plan, char *place);

#endif
