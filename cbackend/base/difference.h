/* SPDX-License-Identifier: MIT */
/* Reports: what differs between what was asked for and what calls take. */
#ifndef TFD_DIFFERENCE_H
#define TFD_DIFFERENCE_H

#include "trampfd.h"

/* Append to the report.  A full report drops it. */
void tfd_difference_add(struct trampfd_report *report, struct trampfd_difference difference);

/* Append, unless the two are equal; returns whether they differ. */
int tfd_compare_number(struct trampfd_report *report, const char *what, unsigned index,
                       uint64_t wanted, uint64_t found);

/* Append that the code of the slot was changed, unless it is `intact`. */
void tfd_compare_code(struct trampfd_report *report, int intact);

#endif
