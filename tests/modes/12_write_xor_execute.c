/* SPDX-License-Identifier: MIT */
/*
 * No memory is writable and executable, at one address or at two
 *
 * while there are 10,000 closures, where nothing refuses it and under PR_SET_MDWE.
 *
 * Ways: no policy; PR_SET_MDWE
 * Right: works
 */
#include "maps.h"
#include "policy.h"

int main(int argc, char **argv)
{
    const char *found;

    if (way("PR_SET_MDWE"))
        set_mdwe();
    check_many(make_many(MANY), MANY);
    found = find_wx();
    EXPECT(!found, "%s", found);
    return 0;
}
