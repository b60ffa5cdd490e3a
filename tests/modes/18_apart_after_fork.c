/* SPDX-License-Identifier: MIT */
/*
 * After fork(), parent and child free, make and call closures
 *
 * and neither sees what the other did; with W+X memory, and where PR_SET_MDWE refuses it.
 *
 * Ways: no policy; PR_SET_MDWE
 * Right: works
 */
#include "policy.h"

enum { COUNT_OF_EACH = 5000 };

/* Every second closure is replaced by one with another number. */
static void replace(struct closure *many, int by)
{
    for (int i = 0; i < COUNT_OF_EACH; i += 2)
        release(many[i]);
    for (int i = 0; i < COUNT_OF_EACH; i += 2)
        many[i] = make(i + by);
    check_many(many, COUNT_OF_EACH);
}

static void wait_turn(int fd)
{
    char byte;

    NEED(read(fd, &byte, 1) == 1, "a pipe");
}

int main(int argc, char **argv)
{
    struct closure *many;
    int to_parent[2], to_child[2];
    pid_t child;

    if (way("PR_SET_MDWE"))
        set_mdwe();
    many = make_many(COUNT_OF_EACH);
    NEED(!pipe(to_parent) && !pipe(to_child), "pipes");
    child = fork();
    if (!child) {
        close(to_child[1]); /* so that it learns of its parent's end */
        replace(many, 1000000);
        (void)!write(to_parent[1], "", 1);
        wait_turn(to_child[0]);
        replace(many, 2000000);
        _exit(0);
    }
    close(to_parent[1]);
    if (read(to_parent[0], &(char){0}, 1) != 1)
        end_as(child);
    check_many(many, COUNT_OF_EACH);
    replace(many, 3000000);
    (void)!write(to_child[1], "", 1);
    end_as(child);
    check_many(many, COUNT_OF_EACH);
    return 0;
}
