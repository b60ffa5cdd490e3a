/* SPDX-License-Identifier: MIT */
/* trampfd_seal(): only while there are no closures whose records can be written. */
#include "sealed.h"

int main(int argc, char **argv)
{
    int is_late = argc > 1 && !strcmp(argv[1], "late");
    adder *code;
    void *closure;

    if (is_late) {
        closure = make(1, &code);
        CHECK(trampfd_seal() == -EBUSY, "sealed with a closure");
        CHECK(!strcmp(status_now().provider, "table"), "%s", status_now().provider);
        trampfd_closure_free(closure);
        return 0;
    }
    CHECK(!trampfd_seal(), "not sealed");
    CHECK(!strcmp(status_now().provider, "sealed"), "%s", status_now().provider);
    CHECK(!setenv("TRAMPFD_SEAL", "0", 1) && !setenv("TRAMPFD_PROVIDER", "table", 1), "setenv");
    closure = make(1, &code);
    record_of(code);
    CHECK(!trampfd_seal(), "a second time");
    CHECK(code(41) == 42, "%d", code(41));
    trampfd_closure_free(closure);
    return 0;
}
