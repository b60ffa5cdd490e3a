/* SPDX-License-Identifier: MIT */
/*
 * A thread looks up and reads back code addresses that were closures once, while another makes the
 * blocks they lie in come and go.
 */
#include "check.h"
#include "slot/layout.h"
#include "uapi/linux/trampfd.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STALE = 64 };

static adder *stale[STALE];
static atomic_int stop;

static size_t slot_size(const struct trampfd_slot *slot)
{
    if (!strcmp(slot->provider, "trampfd"))
        return TRAMPFD_SLOT_SIZE;
    return strcmp(slot->provider, "trampfd-user") ? TFD_SLOT_SIZE : (size_t)sysconf(_SC_PAGESIZE);
}

static void *look(void *unused)
{
    struct trampfd_closure closure;
    struct trampfd_slot slot;

    (void)unused;
    for (int i = 0; !atomic_load(&stop); i = (i + 1) % STALE) {
        if (!trampfd_slot_find((void *)stale[i], &slot))
            CHECK((char *)slot.block + slot_size(&slot) * slot.index == (char *)stale[i],
                  "address %d", i);
        if (!trampfd_closure_read((void *)stale[i], &closure))
            CHECK(closure.allocated >= 0, "address %d", i);
    }
    return NULL;
}

int main(void)
{
    struct many many = make_many(4 * TRAMPFD_BLOCK_SLOTS);
    pthread_t thread;

    for (int i = 0; i < STALE; i++)
        stale[i] = many.code[(i + 1) * many.count / STALE - 1];
    CHECK(!pthread_create(&thread, NULL, look, NULL), "pthread_create");
    for (int i = scaled(100, 10); i; i--) {
        free_many(many);
        many = make_many(4 * TRAMPFD_BLOCK_SLOTS);
    }
    free_many(many);
    atomic_store(&stop, 1);
    CHECK(!pthread_join(thread, NULL), "pthread_join");
    return 0;
}
