/* SPDX-License-Identifier: MIT */
/*
 * fork() while another thread makes and frees closures
 *
 * 500 times: each child can make, call and free closures.
 *
 * Right: works
 */
#include "threads.h"

static void use(void)
{
    struct closure some[50];

    for (int i = 0; i < 50; i++)
        some[i] = make(i);
    check_many(some, 50);
    for (int i = 0; i < 50; i++)
        release(some[i]);
}

int main(void)
{
    int count = getenv("TRAMPFD_VM") ? 100 : 500;
    pthread_t other = start(churn, NULL);

    for (int i = 0; i < count; i++) {
        pid_t child = fork();

        if (!child) {
            use();
            _exit(0);
        }
        end_as(child);
    }
    stop = 1;
    join(other);
    return 0;
}
