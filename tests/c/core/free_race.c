/* SPDX-License-Identifier: MIT */
/*
 * A thread calls a closure all the time while another frees it: every call gives the right result
 * until one ends the process with the message that names the closure.  Each race is a process.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { RACES = 400, WRONG = 3, IS_LATE = 4 };

static adder *code;
static atomic_int calls;

static void *call(void *unused)
{
    (void)unused;
    for (int i = 0;; i++) {
        if (code(i) != i + 30)
            _exit(WRONG);
        atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    }
    return NULL;
}

static _Noreturn void race(int number)
{
    void *closure = make(30, &code);
    pthread_t thread;
    adder *other;

    CHECK(!pthread_create(&thread, NULL, call, NULL), "pthread_create");
    while (atomic_load_explicit(&calls, memory_order_relaxed) < number % 50)
        ;
    trampfd_closure_free_named(closure, "on_click");
    for (int i = 0; i < 500; i++)
        trampfd_closure_free_named(make(i, &other), "another name");
    sleep(60);
    _exit(IS_LATE);
}

int main(void)
{
    const int races = scaled(RACES, 20);

    alarm(scaled(200, 6000));
    for (int i = 0; i < races; i++) {
        char text[1000] = {0};
        int errors[2], status;
        pid_t child;

        CHECK(!pipe(errors), "%s", strerror(errno));
        child = fork();
        CHECK(child >= 0, "fork: %s", strerror(errno));
        if (child == 0) {
            CHECK(dup2(errors[1], STDERR_FILENO) >= 0, "%s", strerror(errno));
            race(i);
        }
        CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
        close(errors[1]);
        CHECK(read(errors[0], text, sizeof(text) - 1) >= 0, "%s", strerror(errno));
        close(errors[0]);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "race %d: status %#x: %s", i,
              (unsigned)status, text);
        CHECK(strstr(text, "call of a closure that was freed: ") && strstr(text, " (on_click) "),
              "race %d: %s", i, text);
    }
    return 0;
}
