/* SPDX-License-Identifier: MIT */
/*
 * The pool grows while another thread is inside dl_iterate_phdr() and waits for the thread that
 * grows, as happens when its callback needs an interpreter's lock that this one holds.
 */
#include "check.h"

#include <link.h>
#include <pthread.h>

static void *grow(void *unused)
{
    struct many many = make_many(TRAMPFD_BLOCK_SLOTS + 1);

    (void)unused;
    call_many(many);
    free_many(many);
    return NULL;
}

static int visit(struct dl_phdr_info *info, size_t size, void *unused)
{
    pthread_t thread;

    (void)info;
    (void)size;
    (void)unused;
    CHECK(!pthread_create(&thread, NULL, grow, NULL), "pthread_create");
    CHECK(!pthread_join(thread, NULL), "pthread_join");
    return 1;
}

int main(void)
{
    alarm(20); /* a deadlock */
    CHECK(dl_iterate_phdr(visit, NULL) == 1, "dl_iterate_phdr");
    return 0;
}
