/* SPDX-License-Identifier: MIT */
/*
 * Eight threads make, call and free closures at once, from the first one on.  The first argument is
 * the number of rounds, for slow tools that may map memory of any kind themselves; with a second one
 * there is a data race for them to find.
 */
#include "adder.h"

#include <pthread.h>

static pthread_barrier_t start;
static int rounds = 3000, is_racing, counter;

static void *work(void *number)
{
    pthread_barrier_wait(&start);
    if (is_racing)
        counter++;
    for (int i = 0; i < rounds; i++) {
        adder *code[3];
        void *closure[3];

        for (int j = 0; j < 3; j++)
            closure[j] =
                adder_make(j == 1 ? 300 : sizeof(ffi_closure), (int)(intptr_t)number + j, &code[j]);
        for (int j = 0; j < 3; j++) {
            CHECK(code[j](i) == i + (int)(intptr_t)number + j);
            ffi_closure_free(j == 2 ? (void *)code[j] : closure[j]);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[8];

    if (argc > 1)
        rounds = atoi(argv[1]);
    is_racing = argc > 2;

    CHECK(!pthread_barrier_init(&start, NULL, 8));
    for (intptr_t i = 0; i < 8; i++)
        CHECK(!pthread_create(&threads[i], NULL, work, (void *)(i * 100)));
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    return argc == 1 && has_wx();
}
