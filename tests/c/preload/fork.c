/* SPDX-License-Identifier: MIT */
/*
 * While two threads make and free closures: 300 children each call a closure of the parent, free
 * it, and make more; the parent's stays as it is.
 */
#include "adder.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int done;

static void *churn(void *unused)
{
    (void)unused;
    while (!done) {
        adder *code;

        ffi_closure_free(adder_make(done % 2 ? 200 : sizeof(ffi_closure), 1, &code));
    }
    return NULL;
}

static void be_a_child(void *closure, adder *code)
{
    adder *other;

    alarm(60);
    CHECK(code(1) == 5);
    ffi_closure_free(closure);
    closure = adder_make(sizeof(ffi_closure), 77, &other);
    CHECK(other(1) == 78);
    ffi_closure_free(closure);
    _exit(0);
}

int main(void)
{
    pthread_t threads[2];
    adder *code;
    void *closure = adder_make(sizeof(ffi_closure), 4, &code);

    for (int i = 0; i < 2; i++)
        CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
    for (int i = 0; i < 300; i++) {
        pid_t child = fork();
        int status;

        CHECK(child >= 0);
        if (!child)
            be_a_child(closure, code);
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        CHECK(code(1) == 5);
    }
    done = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ffi_closure_free(closure);
    return has_wx();
}
