/* SPDX-License-Identifier: MIT */
/*
 * A permanent closure is not changed by the program, and where the kernel holds its record, by no
 * request to the kernel either.
 */
#include "check.h"
#include "uapi/linux/trampfd.h"

#include <sys/ioctl.h>

static void add_other(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    add(cif, result, arguments, user_data);
    *(ffi_sarg *)result += 1000;
}

static void refuses_others(void)
{
    void *code, *large = trampfd_closure_alloc(500, &code, NULL);
    void *unprepared = trampfd_closure_alloc(sizeof(ffi_closure), &code, NULL);

    CHECK(large && unprepared, "%s", strerror(errno));
    CHECK(!trampfd_closure_prep(large, adder_cif(), add, NULL), "prepare a large one");
    CHECK(trampfd_closure_make_permanent(large) == -ENOTSUP, "a large one");
    CHECK(trampfd_closure_make_permanent(unprepared) == -EINVAL, "one that is not prepared");
    CHECK(trampfd_closure_make_permanent(code) == -EINVAL, "a function pointer");
    CHECK(trampfd_closure_make_permanent(&code) == -EINVAL, "an address on the stack");
    CHECK(trampfd_closure_make_permanent(NULL) == -EINVAL, "NULL");
    trampfd_closure_free(large);
    trampfd_closure_free(unprepared);
    CHECK(trampfd_closure_make_permanent(unprepared) == -EINVAL, "one that is free");
}

static void stays(void *closure, adder *code)
{
    struct trampfd_report report;

    CHECK(trampfd_closure_prep(closure, adder_cif(), add_other, NULL) == -EPERM, "prepare it");
    CHECK(!trampfd_closure_make_permanent(closure), "make it permanent twice");
    CHECK(code(1) == 6, "it returns %d", code(1));
    CHECK(!trampfd_closure_verify((void *)code, adder_cif(), add, (void *)5, &report), "verify it");
}

/* Set the record to what it is, or no stack data.  Returns 0 or the errno. */
static int set_by_request(int fd, const struct trampfd_slot *slot)
{
    struct trampfd_set_records records = {
        .first = slot->index,
        .n = 1,
        .records = (uintptr_t)slot->record,
    };
    struct trampfd_stack none = {0};
    struct trampfd_set stack = {.data = (uintptr_t)&none, .size = sizeof(none)};

    if (!strcmp(slot->provider, "trampfd"))
        return ioctl(fd, TRAMPFD_IOC_SET_RECORDS, &records) ? errno : 0;
    return ioctl(fd, TRAMPFD_IOC_SET_STACK, &stack) ? errno : 0;
}

/* How many of the process's descriptors of the kernel's trampolines refuse that. */
static unsigned refused_by_kernel(const struct trampfd_slot *slot)
{
    char path[64], text[64];
    unsigned refused = 0;

    for (int fd = 3; fd < 4096; fd++) {
        ssize_t length;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        length = readlink(path, text, sizeof(text) - 1);
        if (length <= 0)
            continue;
        text[length] = 0;
        if (strstr(text, "trampfd"))
            refused += set_by_request(fd, slot) == EPERM;
    }
    return refused;
}

static int is_of_kernel(const struct trampfd_slot *slot)
{
    return !strncmp(slot->provider, "trampfd", 7);
}

static void in_child(void *closure, adder *code, const struct trampfd_slot *slot)
{
    pid_t child = fork();

    if (!child) {
        stays(closure, code);
        CHECK(refused_by_kernel(slot) == (unsigned)is_of_kernel(slot), "in the child");
        _exit(0);
    }
    wait_for_success(child, "a permanent closure");
}

int main(void)
{
    struct trampfd_slot slot;
    adder *code;
    void *closure = make(5, &code);

    CHECK(!trampfd_slot_find((void *)code, &slot), "find the slot");
    CHECK(!refused_by_kernel(&slot), "it is final already");
    CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)5), "prepare it again");
    CHECK(!trampfd_closure_make_permanent(closure), "make it permanent");
    stays(closure, code);
    CHECK(refused_by_kernel(&slot) == (unsigned)is_of_kernel(&slot), "provider %s", slot.provider);
    stays(closure, code);
    in_child(closure, code, &slot);
    refuses_others();
    free_many(make_many(2 * TRAMPFD_BLOCK_SLOTS));
    stays(closure, code);
    return 0;
}
