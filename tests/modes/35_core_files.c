/* SPDX-License-Identifier: MIT */
/*
 * Code addresses in a core file or a profile
 *
 * are told apart by the mapping that they are in: it has the name of a file.
 *
 * Right: works
 * Not with trampfd-user: its slots are no memory
 */
#include "maps.h"

int main(void)
{
    struct closure *many = make_many(MANY);

    for (int i = 0; i < MANY; i += 1000)
        EXPECT(*mapping_of((void *)many[i].code).path, "the code is in memory without a name");
    return 0;
}
