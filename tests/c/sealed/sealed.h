/* SPDX-License-Identifier: MIT */
/* What the tests of sealed records share; they run with TRAMPFD_PROVIDER=sealed. */
#ifndef SEALED_H
#define SEALED_H

#include "check.h"

#include <sys/mman.h>
#include <sys/uio.h>

/* Where the slot at `code` reads its record. */
static inline void *record_of(adder *code)
{
    struct trampfd_slot slot;

    CHECK(!trampfd_slot_find((void *)(uintptr_t)code, &slot), "no slot");
    CHECK(!strcmp(slot.provider, "sealed"), "provider %s", slot.provider);
    return (void *)(uintptr_t)slot.record;
}

/* The kernel stores by this for any other process, where the memory can be written. */
static inline int can_be_written(void *place)
{
    char bytes[8];
    struct iovec from = {bytes, sizeof(bytes)}, to = {place, sizeof(bytes)};

    memcpy(bytes, place, sizeof(bytes));
    return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == sizeof(bytes);
}

/* The page of an address. */
static inline void *page_of(const void *address)
{
    return (void *)((uintptr_t)address & -(uintptr_t)sysconf(_SC_PAGESIZE));
}

#endif
