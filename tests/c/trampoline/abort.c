/* SPDX-License-Identifier: MIT */
/* Misuse of the trampolines of the backend "context": `way`. */
#include "probe.h"

int main(int count, char **arguments)
{
    const struct trampfd_context context = {.pc = (void *)(uintptr_t)probe};
    const char *way = count > 1 ? arguments[1] : "";
    struct trampfd_trampoline *trampoline = create(&context, "context");
    void *address = trampfd_trampoline_address(trampoline);
    struct trampfd_slot slot;

    CHECK(!trampfd_slot_find(address, &slot), "slot");
    if (!strcmp(way, "call destroyed")) {
        printf("%p\n", address);
        fflush(stdout);
        trampfd_trampoline_destroy(trampoline);
        ((void (*)(void))address)();
    } else if (!strcmp(way, "free as a closure")) {
        printf("%p\n", slot.record);
        fflush(stdout);
        trampfd_closure_free((void *)(uintptr_t)slot.record);
    }
    CHECK(0, "no such way, or it was allowed: %s", way);
}
