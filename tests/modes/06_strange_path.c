/* SPDX-License-Identifier: MIT */
/*
 * The library has a strange path
 *
 * or lies on a mount of its own.  The program moves it, leaves a symbolic link to it, and starts
 * over.
 *
 * Ways: a space; a new line; "(deleted)"; 4095 characters; a bind mount; an overlay
 * Right: works
 * Not with memfd: it has no path
 */
#include "policy.h"

static char path[4200];

static void add_name(const char *name)
{
    snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
}

static void make_longest(void)
{
    char name[251];

    memset(name, 'd', sizeof(name));
    name[250] = '\0';
    while (strlen(path) + 260 < 4096) {
        add_name(name);
        NEED(!mkdir(path, 0755), "a long path");
    }
    name[4095 - strlen(path) - 1] = '\0';
    add_name(name);
}

static void make_overlay(void)
{
    char options[9000];

    mount_at("none", path, "tmpfs", 0, NULL);
    for (const char *const *name = (const char *const[]){"up", "work", "merged", NULL}; *name;
         name++) {
        snprintf(options, sizeof(options), "%s/%s", path, *name);
        mkdir(options, 0755);
    }
    snprintf(options, sizeof(options), "lowerdir=/usr,upperdir=%s/up,workdir=%s/work", path, path);
    add_name("merged");
    mount_at("overlay", path, "overlay", 0, options);
    add_name("library.so");
}

static void move_library(int argc, char **argv)
{
    char copy[8500], source[4300];

    snprintf(path, sizeof(path), "%s", getenv("MODE_FOLDER"));
    if (way("4095 characters")) {
        make_longest();
    } else if (way("a bind mount") || way("an overlay")) {
        own_mounts();
        snprintf(source, sizeof(source), "%s/source", path);
        add_name("mounted");
        NEED(!mkdir(source, 0755) && !mkdir(path, 0755), path);
        if (way("an overlay")) {
            make_overlay();
        } else {
            mount_at(source, path, NULL, MS_BIND, NULL);
            add_name("library.so");
        }
    } else {
        add_name(way("a space") ? "with space" : way("a new line") ? "new\nline" : "x (deleted)");
    }
    snprintf(copy, sizeof(copy), "cp '%s' '%s'", library(), path);
    restore_library();
    NEED(!system(copy) && !unlink(library()) && !symlink(path, library()), "moving the library");
}

int main(int argc, char **argv)
{
    if (!getenv("MODE_AGAIN"))
        move_library(argc, argv);
    start_over(argv);
    grow();
    return 0;
}
