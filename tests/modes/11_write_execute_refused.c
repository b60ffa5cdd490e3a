/* SPDX-License-Identifier: MIT */
/*
 * W+X memory is refused: 10,000 closures, and no attempt that is refused
 *
 * by PR_SET_MDWE, or by the filter of systemd, where each attempt is counted.
 *
 * Ways: PR_SET_MDWE; systemd's filter
 * Right: works
 */
#include "policy.h"

int main(int argc, char **argv)
{
    if (way("PR_SET_MDWE"))
        set_mdwe();
    else
        SET_FILTER(DENY_WRITE_EXECUTE(COUNT));
    grow();
    EXPECT(!refused_calls, "closures are made after attempts that were refused");
    return 0;
}
