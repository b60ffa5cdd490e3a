/* SPDX-License-Identifier: MIT */
/*
 * A closure of any size: aligned as by malloc, all of it the caller's, untouched beyond the
 * ffi_closure by preparing and calling.
 */
#include "check.h"

#include <stdalign.h>

static void check_size(size_t size)
{
    size_t room = size < sizeof(ffi_closure) ? sizeof(ffi_closure) : size;
    adder *code;
    void *closure = trampfd_closure_alloc(size, (void **)&code, NULL);
    unsigned char *bytes = closure;

    CHECK(closure, "size %zu: %s", size, strerror(errno));
    CHECK((uintptr_t)closure % alignof(max_align_t) == 0, "size %zu at %p", size, closure);
    CHECK((void *)code != closure, "size %zu", size);

    memset(bytes, 0xa5, room);
    CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)100), "size %zu", size);
    CHECK(code(1) == 101, "size %zu gives %d", size, code(1));
    CHECK(((ffi_closure *)closure)->user_data == (void *)100, "size %zu", size);
    CHECK(((ffi_closure *)closure)->cif == adder_cif(), "size %zu", size);
    CHECK(((ffi_closure *)closure)->fun == add, "size %zu", size);
    for (size_t i = sizeof(ffi_closure); i < room; i++)
        CHECK(bytes[i] == 0xa5, "size %zu: byte %zu changed", size, i);
    trampfd_closure_free(closure);

    /* Freed without ever being prepared, with its memory written all over. */
    closure = trampfd_closure_alloc(size, (void **)&code, NULL);
    CHECK(closure, "size %zu: %s", size, strerror(errno));
    memset(closure, 0x5a, room);
    trampfd_closure_free(closure);
}

static void check_too_large(size_t size)
{
    struct trampfd_trail trail;
    void *code = &trail;

    errno = 0;
    CHECK(!trampfd_closure_alloc(size, &code, &trail), "size %zu", size);
    CHECK(errno == ENOMEM, "size %zu: %s", size, strerror(errno));
    CHECK(trail.count && trail.attempts[trail.count - 1].error == ENOMEM, "size %zu", size);
    CHECK(code == &trail, "the out-parameter is written only on success");
    CHECK(status_now().slots_used == 0, "size %zu keeps a slot", size);
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 8, 55, 56, 57, 63, 64, 65, 100, 4096, 65536, 1 << 20};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        check_size(sizes[i]);
    for (size_t size = 0; size < 5000; size += 7) /* every place in a page */
        check_size(size);
    check_too_large(SIZE_MAX);
    check_too_large(SIZE_MAX - 16);
    check_too_large(SIZE_MAX - 40);
    check_too_large(SIZE_MAX / 2);
    CHECK(status_now().slots_used == 0, "%zu closures are left", status_now().slots_used);
    return 0;
}
