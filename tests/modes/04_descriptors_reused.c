/* SPDX-License-Identifier: MIT */
/*
 * The program closes all descriptors, and their numbers become other files
 *
 * before new memory for closures is needed.
 *
 * Right: works
 */
#include "mode.h"

int main(void)
{
    struct closure one = make(1);
    char path[4200];

    snprintf(path, sizeof(path), "%s/data", getenv("MODE_FOLDER"));
    write_other_file(path);
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    for (int i = 0; i < 100; i++)
        NEED(open(path, O_RDONLY) >= 0, path);
    grow();
    check(one);
    return 0;
}
