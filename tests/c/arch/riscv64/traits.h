/* SPDX-License-Identifier: MIT */
/* RISC-V: what tests must know of calling conventions, and those of plans of the port. */
#ifndef TRAITS_H
#define TRAITS_H

/* libffi knows no other calling convention than the usual one. */
#define OTHER_ABI
#define OTHER_FFI_ABI FFI_SYSV

/* Is there a plan for structures of two words that are aligned to 16 bytes? */
#define PLANS_ALIGNED 0

/* Does libffi read the elements of all structures, and take what lies between them for padding? */
#define LIBFFI_NEEDS_ELEMENTS 1

/* The tails, and which of them has results of these types. */
#define TAILS(X)                                                                                   \
    X(words)                                                                                       \
    X(singles)                                                                                     \
    X(doubles) X(single_double) X(double_single) X(single_at_4) X(single_at_8) X(double_at_8)
#define TAIL_LONG tfd_plan_tail_words
#define TAIL_FLOAT tfd_plan_tail_singles
#define TAIL_DOUBLE tfd_plan_tail_doubles
#define TAIL_LONG_DOUBLE tfd_plan_tail_words
#define TAIL_LONG_AND_DOUBLE tfd_plan_tail_double_at_8
#define TAIL_IN_MEMORY tfd_plan_tail_words

/* Where calls without arguments wait. */
#define FRAME_WITHOUT_ARGUMENTS tfd_plan_tail_words

#endif
