/* SPDX-License-Identifier: MIT */
/*
 * chroot() after the library was loaded
 *
 * into a folder without /proc, or with /proc and another file at the library's path.
 *
 * Ways: no /proc; another file at the path
 * Right: works
 */
#include "policy.h"

/* The folders that lead to a path. */
static void make_folders(char *path)
{
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
    }
}

int main(int argc, char **argv)
{
    char jail[4200], path[8400];

    snprintf(jail, sizeof(jail), "%s/jail", getenv("MODE_FOLDER"));
    NEED(!mkdir(jail, 0755), jail);
    own_mounts();
    if (way("another file at the path")) {
        snprintf(path, sizeof(path), "%s%s", jail, library());
        make_folders(path);
        write_other_file(path);
        snprintf(path, sizeof(path), "%s/proc", jail);
        mkdir(path, 0755);
        mount_at("/proc", path, NULL, MS_BIND | MS_REC, NULL);
    }
    NEED(!chroot(jail) && !chdir("/"), "chroot");
    grow();
    return 0;
}
