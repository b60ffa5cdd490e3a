/* SPDX-License-Identifier: MIT */
/* TRAMPFD_PROVIDER is set; the argument is the provider that it brings, "none" where it is refused. */
#include "check.h"

int main(int argc, char **argv)
{
    const char *provider = argc > 1 ? argv[1] : "";
    int refused = !strcmp(provider, "none");
    struct trampfd_trail trail = {.count = 3};
    struct trampfd_trail probe = {.count = 3};
    adder *code;
    void *closure;

    for (int round = 0; round < 3; round++) {
        errno = 0;
        closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&code, &trail);
        CHECK(refused ? !closure : !!closure, "closure %p", closure);
        if (!refused) {
            CHECK(trail.count == 0, "%u attempts", trail.count);
            trampfd_closure_free(closure);
            continue;
        }
        CHECK(errno == EINVAL, "%s", strerror(errno));
        CHECK(trail.count == 1 && trail.attempts[0].error == EINVAL, "%u attempts", trail.count);
        CHECK(!strcmp(trail.attempts[0].source, "TRAMPFD_PROVIDER"), "%s",
              trail.attempts[0].source);
        CHECK(!trampfd_closure_alloc(8, (void **)&code, NULL), "without a trail");
    }
    trampfd_probe(&probe);
    CHECK(refused ? probe.count == 1 && probe.attempts[0].error == EINVAL : probe.count >= 3,
          "%u attempts", probe.count);
    CHECK(!strcmp(status_now().provider, provider), "%s", status_now().provider);
    return 0;
}
