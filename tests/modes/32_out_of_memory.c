/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out (RLIMIT_AS)
 *
 * at every step that makes closures, in a child for each: NULL is returned, what exists works and
 * can be freed, and when there is memory again, closures are made.
 *
 * Right: reported: Cannot allocate memory
 * Not with trampfd: the library maps little memory
 * Not with trampfd-user: the library maps little memory
 */
#include "mode.h"

#include <sys/resource.h>

static struct closure many[5 * MANY];

static size_t address_space(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    size_t pages = 0;

    NEED(file && fscanf(file, "%zu", &pages) == 1, "/proc/self/statm");
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* How many there are before one is refused; all are gone afterwards. */
static int make_within(size_t more)
{
    struct rlimit limit = {address_space() + more, RLIM_INFINITY}, none = {~0UL, ~0UL};
    int count = 0;

    NEED(!setrlimit(RLIMIT_AS, &limit), "RLIMIT_AS");
    while (count < 5 * MANY) {
        many[count] = try_sized(sizeof(ffi_closure), count);
        if (!many[count].writable)
            break;
        count++;
    }
    check_many(many, count);
    for (int i = 0; i < count; i++)
        release(many[i]);
    NEED(!setrlimit(RLIMIT_AS, &none), "RLIMIT_AS");
    return count;
}

/* So many that none of what follows was set apart when the library was loaded. */
#define BEFORE 140000

int main(void)
{
    int refused = 0;

    for (int i = 0; i < BEFORE; i++)
        make(i);

    for (size_t more = 0; more < 32; more++) {
        pid_t child = fork();
        int status;

        if (!child) {
            int count = make_within(more << 15);

            grow();
            _exit(count < 5 * MANY ? REPORTED : 0);
        }
        NEED(waitpid(child, &status, 0) == child, "a child process");
        if (WIFSIGNALED(status))
            kill(getpid(), WTERMSIG(status));
        refused += WEXITSTATUS(status) == REPORTED;
        if (WEXITSTATUS(status) && WEXITSTATUS(status) != REPORTED)
            _exit(WEXITSTATUS(status));
    }
    if (refused)
        reported("ffi_closure_alloc returned NULL");
    return 0;
}
