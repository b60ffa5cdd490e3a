/* SPDX-License-Identifier: MIT */
/*
 * A signal handler calls a closure
 *
 * wherever it interrupts the making and freeing of closures.
 *
 * Right: works
 */
#include "mode.h"

#include <signal.h>
#include <sys/time.h>

static struct closure called;
static volatile int calls, failures;

static void on_signal(int number)
{
    (void)number;
    calls++;
    failures += called.code(7) != 8;
}

int main(void)
{
    struct itimerval often = {{0, 100}, {0, 100}};

    called = make(1);
    signal(SIGALRM, on_signal);
    NEED(!setitimer(ITIMER_REAL, &often, NULL), "setitimer");
    while (calls < 2000) {
        struct closure one = make(2);

        check(one);
        release(one);
    }
    EXPECT(!failures, "%d calls of signal handlers went wrong", failures);
    return 0;
}
