/* SPDX-License-Identifier: MIT */
/*
 * Among threads an allocation, a preparation and a freeing take one lock each, and a call none.  A
 * port without plans takes two for a preparation, because libffi is asked between them.  To be
 * linked with --wrap=pthread_mutex_lock.
 */
#include "check.h"

#include "slot/allowed.h"

#include <pthread.h>
#include <stdatomic.h>

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

static void count(size_t size)
{
    unsigned expected = tfd_entries_plan.count ? 1 : 2;
    unsigned alloc, prep, call, again, freed;
    adder *code;
    void *closure;

    taken_since();
    closure = trampfd_closure_alloc(size, (void **)&code, NULL);
    alloc = taken_since();
    CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)1), "preparation");
    prep = taken_since();
    CHECK(code(2) == 3, "a call");
    call = taken_since();
    CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)2), "preparation");
    again = taken_since();
    trampfd_closure_free(closure);
    freed = taken_since();
    CHECK(alloc == 1 && prep == expected && call == 0 && again == expected && freed == 1,
          "size %zu: alloc %u, prep %u, call %u, again %u, free %u", size, alloc, prep, call, again,
          freed);
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
        count(sizeof(ffi_closure));
        count(300);
    }
    return 0;
}
