/* SPDX-License-Identifier: MIT */
/*
 * Print how many times a mutex is locked to allocate, to prepare and to free a closure, in a program
 * with two threads: on average of 1000, multiplied by 100.  The argument is the closure's size.
 */
#include "adder.h"

#include <dlfcn.h>
#include <pthread.h>

#define ROUNDS 1000

static unsigned long locked;

/* In the place of the C library's, for whoever calls it by its name. */
__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);

    if (!real)
        real = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
    locked++;
    return real(mutex);
}

static void *wait_for_the_end(void *barrier)
{
    pthread_barrier_wait(barrier);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t size = argc == 2 ? (size_t)atoi(argv[1]) : 0;
    unsigned long counts[3] = {0};
    pthread_barrier_t barrier;
    pthread_t thread;
    ffi_cif *cif = adder_cif();

    CHECK(!pthread_barrier_init(&barrier, NULL, 2));
    CHECK(!pthread_create(&thread, NULL, wait_for_the_end, &barrier));
    for (int i = 0; i < 2 * ROUNDS; i++) {
        unsigned long at[4];
        void *closure, *code;

        at[0] = locked;
        closure = ffi_closure_alloc(size, &code);
        at[1] = locked;
        CHECK(closure && ffi_prep_closure_loc(closure, cif, adder_handler, NULL, code) == FFI_OK);
        at[2] = locked;
        ffi_closure_free(closure);
        at[3] = locked;
        for (int j = 0; j < 3 && i >= ROUNDS; j++)
            counts[j] += at[j + 1] - at[j];
    }
    for (int j = 0; j < 3; j++)
        printf("%lu\n", counts[j] * 100 / ROUNDS);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    return 0;
}
