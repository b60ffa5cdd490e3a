/* SPDX-License-Identifier: MIT */
/* x86-64: what the tests of plans must know of the port. */
#ifndef TRAITS_H
#define TRAITS_H

/* Functions of the calling conventions that libffi knows besides the usual one, and one of them. */
#define OTHER_ABI __attribute__((ms_abi))
#define OTHER_FFI_ABI FFI_GNUW64

/* Is there a plan for structures of two words that are aligned to 16 bytes? */
#define PLANS_ALIGNED 1

/* Does libffi read the elements of all structures, and take what lies between them for padding? */
#define LIBFFI_NEEDS_ELEMENTS 0

/* The tails, and which of them has results of these types. */
#define TAILS(X) X(words) X(vectors) X(x87) X(x87_pair)
#define TAIL_LONG tfd_plan_tail_words
#define TAIL_FLOAT tfd_plan_tail_vectors
#define TAIL_DOUBLE tfd_plan_tail_vectors
#define TAIL_LONG_DOUBLE tfd_plan_tail_x87
#define TAIL_COMPLEX_LONG_DOUBLE tfd_plan_tail_x87_pair
#define TAIL_LONG_AND_DOUBLE tfd_plan_tail_vectors
#define TAIL_IN_MEMORY tfd_plan_tail_words

/* Where calls without arguments wait: the entry calls handlers itself. */
#define FRAME_WITHOUT_ARGUMENTS tfd_plan_entries

#endif
