/* SPDX-License-Identifier: MIT */
/*
 * PR_SET_MDWE is set when there are closures
 *
 * one or 5,000 of them: they work, and so do those that are made later.
 *
 * Ways: one; 5,000
 * Right: works
 */
#include "policy.h"

int main(int argc, char **argv)
{
    int count = way("one") ? 1 : 5000;
    struct closure *many = make_many(count);

    set_mdwe();
    check_many(many, count);
    grow();
    check_many(many, count);
    return 0;
}
