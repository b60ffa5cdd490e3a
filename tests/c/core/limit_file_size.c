/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_FSIZE also holds for memory files, and the kernel enforces it with SIGXFSZ.  Growth that
 * would exceed it is refused; it does not end the process.
 */
#include "check.h"

#include <sys/resource.h>

int main(int argc, char **argv)
{
    struct many many = make_many(TRAMPFD_BLOCK_SLOTS);
    struct rlimit none = {0, 0};
    struct trampfd_trail trail;
    void *code;

    (void)argc;
    CHECK(!setrlimit(RLIMIT_FSIZE, &none), "%s", strerror(errno));
    CHECK(!unlink(argv[0]), "unlink %s: %s", argv[0], strerror(errno));
    CHECK(!trampfd_closure_alloc(8, &code, &trail), "a memory file was written");
    CHECK(errno == EFBIG, "%s", strerror(errno));
    CHECK(trail.count && !strcmp(trail.attempts[trail.count - 1].source, "memfd"), "%u attempts",
          trail.count);
    call_many(many);
    free_many(many);
    return 0;
}
