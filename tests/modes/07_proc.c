/* SPDX-License-Identifier: MIT */
/*
 * /proc is absent, hides processes, or tells wrong offsets
 *
 * as user-mode emulators do.  The offsets are those of a copy of /proc/self/maps that is mounted on
 * it.
 *
 * Ways: absent; hidepid; wrong offsets
 * Right: works
 */
#include "policy.h"

/* /proc/self/maps, where every mapping begins at its file's start. */
static void write_doctored(const char *path)
{
    FILE *maps = fopen("/proc/self/maps", "re"), *doctored = fopen(path, "we");
    char line[4300], range[40], mode[5];
    int rest;

    NEED(maps && doctored, path);
    while (fgets(line, sizeof(line), maps))
        if (sscanf(line, "%39s %4s %*s%n", range, mode, &rest) == 2)
            fprintf(doctored, "%s %s 00000000%s", range, mode, line + rest);
    fclose(maps);
    fclose(doctored);
}

int main(int argc, char **argv)
{
    char path[4200];

    own_mounts();
    if (way("absent")) {
        mount_at("none", "/proc", "tmpfs", 0, NULL);
    } else if (way("hidepid")) {
        mount_at("proc", "/proc", "proc", 0, "hidepid=2");
    } else {
        snprintf(path, sizeof(path), "%s/maps", getenv("MODE_FOLDER"));
        write_doctored(path);
        mount_at(path, "/proc/self/maps", NULL, MS_BIND, NULL);
    }
    grow();
    return 0;
}
