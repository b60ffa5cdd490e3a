/* SPDX-License-Identifier: MIT */
/* A signal handler calls closures while the thread it interrupts makes and frees others. */
#include "check.h"

#include <signal.h>
#include <sys/time.h>

enum { CALLED = 50 };

static struct many called;
static volatile sig_atomic_t ticks, wrong;

static void tick(int signal)
{
    (void)signal;
    for (int i = 0; i < CALLED; i++)
        wrong |= called.code[i](3) != i + 3;
    ticks++;
}

int main(void)
{
    const int interval = scaled(200, 20000); /* microseconds; longer than a signal takes */
    const int ticks_min = scaled(2000, 200);
    struct itimerval often = {{0, interval}, {0, interval}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};

    called = make_many(CALLED);
    CHECK(!sigaction(SIGALRM, &action, NULL), "%s", strerror(errno));
    CHECK(!setitimer(ITIMER_REAL, &often, NULL), "%s", strerror(errno));
    for (int round = 0; ticks < ticks_min; round++) {
        struct many many = make_many(round % 20 ? 500 : 3 * TRAMPFD_BLOCK_SLOTS);

        call_many(many);
        free_many(many);
    }
    CHECK(!setitimer(ITIMER_REAL, &never, NULL), "%s", strerror(errno));
    CHECK(!wrong, "a call in the signal handler went wrong");
    free_many(called);
    return 0;
}
