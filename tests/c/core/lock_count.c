/* SPDX-License-Identifier: MIT */
/*
 * Among threads a lock is taken once for some dozens of closures, whether a thread frees what it
 * made, or another thread does; and a call takes none.  To be linked with
 * --wrap=pthread_mutex_lock.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ROUNDS = 1000, LOCKS_MAX = 80 };

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

static atomic_uint taken;

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    atomic_fetch_add(&taken, 1);
    return __real_pthread_mutex_lock(mutex);
}

static unsigned taken_since(void)
{
    return atomic_exchange(&taken, 0);
}

static void one_by_one(size_t size)
{
    unsigned call = 0, others = 0;

    taken_since();
    for (int i = 0; i < ROUNDS; i++) {
        adder *code;
        void *closure = make_sized(size, i, &code);

        others += taken_since();
        CHECK(code(2) == i + 2, "a call");
        call += taken_since();
        trampfd_closure_free(closure);
        others += taken_since();
    }
    CHECK(call == 0, "calls take %u locks", call);
    CHECK(others > 0 && others <= LOCKS_MAX, "size %zu: %u locks", size, others);
}

static void *free_them(void *many)
{
    free_many(*(struct many *)many);
    return NULL;
}

static void in_two_threads(void)
{
    unsigned make, free;
    struct many many;
    pthread_t thread;

    taken_since();
    many = make_many(ROUNDS);
    make = taken_since();
    CHECK(!pthread_create(&thread, NULL, free_them, &many), "pthread_create");
    CHECK(!pthread_join(thread, NULL), "pthread_join");
    free = taken_since();
    CHECK(make <= LOCKS_MAX / 2 && free <= LOCKS_MAX / 2, "%u and %u locks", make, free);
}

static void *wait_for_ever(void *unused)
{
    pause();
    return unused;
}

int main(void)
{
    pthread_t thread;

    CHECK(!pthread_create(&thread, NULL, wait_for_ever, NULL), "pthread_create");
    for (int i = 0; i < 3; i++) {
        one_by_one(sizeof(ffi_closure));
        one_by_one(300);
        in_two_threads();
    }
    return 0;
}
