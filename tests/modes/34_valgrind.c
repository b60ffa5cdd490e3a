/* SPDX-License-Identifier: MIT */
/*
 * The program runs under valgrind
 *
 * which finds nothing wrong.  tests/test_sanitizers.py has the sanitizers of the compilers.
 *
 * Right: works
 * Not with memfd: valgrind itself would take the file away
 * Not with trampfd: valgrind does not know the kernel's mappings
 * Not with trampfd-user: valgrind does not know the kernel's mappings
 */
#include "mode.h"

int main(void)
{
    struct closure *many;

    if (!getenv("MODE_AGAIN")) {
        char program[4200];
        ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

        NEED(length > 0, "/proc/self/exe");
        program[length] = '\0';
        setenv("MODE_AGAIN", "1", 1);
        restore_library();
        execlp("valgrind", "valgrind", "-q", "--error-exitcode=1", program, NULL);
        absent("valgrind: %s", strerror(errno));
    }
    many = make_many(5000);
    check_many(many, 5000);
    release_many(many, 5000);
    return 0;
}
