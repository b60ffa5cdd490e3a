/* SPDX-License-Identifier: MIT */
/*
 * The program's own fork handlers make, call and free closures
 *
 * those that are registered before the library's and those after it, in parent and child.
 *
 * Right: works
 */
#include "mode.h"

#include <pthread.h>

static int handled;

static void use(void)
{
    struct closure some[20];

    handled++;
    for (int i = 0; i < 20; i++)
        some[i] = make(i);
    check_many(some, 20);
    for (int i = 0; i < 20; i++)
        release(some[i]);
}

/* Before those of libraries. */
static void register_early(void)
{
    pthread_atfork(use, use, use);
}

__attribute__((section(".preinit_array"), used)) static void (*early)(void) = register_early;

int main(void)
{
    make(1);
    pthread_atfork(use, use, use);
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();

        if (!child) {
            use();
            _exit(0);
        }
        end_as(child);
    }
    EXPECT(handled == 400, "%d handlers ran", handled);
    return 0;
}
