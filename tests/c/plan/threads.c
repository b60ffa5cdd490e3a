/* SPDX-License-Identifier: MIT */
/* Threads that make, call and free closures of the same signatures lose no plan, no reference. */
#include "closures.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 3000, SIGNATURES = 2 * IDLE_MAX };

static void *work(void *argument)
{
    unsigned number = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        adder *code;
        void *closure = make((int)i, &code);

        touch_signature((number * 31 + i * 7) % SIGNATURES);
        CHECK(code(1) == (int)i + 1, "thread %u, round %u", number, i);
        trampfd_closure_free(closure);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, work, (void *)i), "thread %lu", i);
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(threads[i], NULL), "thread %d", i);
    hand_out_all();
    CHECK(users_of_plan(adder_cif()) == 0, "%u closures of adders", users_of_plan(adder_cif()));
    for (unsigned i = 0; i < SIGNATURES; i++) {
        struct numbered numbered;

        CHECK(users_of_plan(number_signature(&numbered, i)) == 0, "signature %u", i);
    }
    CHECK(tfd_plan_count() <= IDLE_MAX + 1, "%u plans are kept", tfd_plan_count());
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    return 0;
}
