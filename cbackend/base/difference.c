/* SPDX-License-Identifier: MIT */
#include "difference.h"

void tfd_difference_add(struct trampfd_report *report, struct trampfd_difference difference)
{
    if (report->count < TRAMPFD_DIFFERENCES_MAX)
        report->differences[report->count++] = difference;
}

int tfd_compare_number(struct trampfd_report *report, const char *what, unsigned index,
                       uint64_t wanted, uint64_t found)
{
    if (wanted == found)
        return 0;
    tfd_difference_add(report, (struct trampfd_difference){
                                   .what = what,
                                   .index = index,
                                   .wanted = wanted,
                                   .found = found,
                               });
    return 1;
}

void tfd_compare_code(struct trampfd_report *report, int intact)
{
    tfd_compare_number(report, "code", 0, 1, !!intact);
}
