/* SPDX-License-Identifier: MIT */
/*
 * Pointers to Flang's internal procedures.
 *
 * An internal procedure of Fortran finds the variables of its host by the static chain register, as
 * a nested function of GCC does.  With -fsafe-trampoline, programs of Flang 23 and later call three
 * functions of its runtime library for each pointer, whose pool has room for 1,024, and which ends
 * the process where memory that was written may not be made executable.  Here each pointer is a
 * slot.  That runtime library is linked statically: a program that has this one before it on the
 * linker's line uses these functions instead.
 *
 * Flang frees each pointer by its handle when the host procedure ends, so that nothing has to be
 * known of frames and threads.
 */
#include "closure/entry.h"

#include "base/fatal.h"
#include "base/trail.h"
#include "slot/pool.h"

/* The names and types are those of Flang's runtime library. */
TRAMPFD_API void *_FortranATrampolineInit(void *scratch, const void *callee, const void *chain);
TRAMPFD_API void *_FortranATrampolineAdjust(void *handle);
TRAMPFD_API void _FortranATrampolineFree(void *handle);

static _Noreturn void refuse(const struct trampfd_trail *trail)
{
    tfd_fatal_trail("cannot make a pointer to an internal procedure", trail);
}

/* Is it one of Init()'s?  GCC's pointers have the address of a frame. */
static int is_handle(struct tfd_slot slot)
{
    union tfd_record record;

    return slot.block && !tfd_slot_load(slot, &record) && record.owner.state == TFD_STATE_CHAIN
           && !record.chain.high;
}

/* The handle is the code address.  `scratch` is room for code on the stack, and not used. */
void *_FortranATrampolineInit(void *scratch, const void *callee, const void *chain)
{
    union tfd_record record = {
        .chain = {.entry = tfd_entry_chain,
                  .chain = (void *)(uintptr_t)chain,
                  .target = (tfd_entry *)(uintptr_t)callee},
    };
    struct trampfd_trail trail = {.count = 0};
    struct tfd_slot slot = tfd_pool_make(TFD_STATE_CHAIN, &record, &trail);

    (void)scratch;
    if (!slot.block)
        refuse(&trail);
    return tfd_slot_code(slot);
}

void *_FortranATrampolineAdjust(void *handle)
{
    return handle;
}

void _FortranATrampolineFree(void *handle)
{
    struct tfd_slot slot = tfd_pool_find_code(handle);

    if (!is_handle(slot) || tfd_pool_give(slot, "internal procedure", TFD_HOLDS_NOTHING))
        tfd_fatal("end of an internal procedure whose pointer is not alive", handle);
}
