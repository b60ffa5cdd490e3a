/* SPDX-License-Identifier: MIT */
/* What a batch of generated signatures (see fuzz_plan.py) gives to runner.c. */
#ifndef PLAN_CASE_H
#define PLAN_CASE_H

#include <ffi.h>
#include <stdint.h>

/* Bytes of a value that carry it; the others are padding.  A range of no bytes ends the list. */
struct plan_range {
    unsigned offset, size;
};

/* A type as the C compiler lays it out, and as libffi is told of it. */
struct plan_value {
    ffi_type *type;
    const struct plan_range *ranges;
    size_t size, alignment;
};

enum plan_expectation {
    PLAN_NEEDED,  /* an ordinary signature */
    PLAN_ALLOWED, /* libffi and the compiler agree, but it may be too strange for a plan */
    PLAN_REFUSED, /* they do not, so that libffi must have it */
};

struct plan_case {
    enum plan_expectation expectation;
    unsigned count;
    const struct plan_value *values; /* the result, then the arguments */

    /* *(R *)result = ((R (*)(A, B, ...))code)(*(A *)arguments[0], *(B *)arguments[1], ...) */
    void (*call)(void (*code)(void), void **arguments, void *result);
};

extern const struct plan_case plan_cases[];
extern const unsigned plan_case_count;

#endif
