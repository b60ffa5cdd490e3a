/* SPDX-License-Identifier: MIT */
/* Closures by the thousand for the Python class Core, in a shared library with the core. */
#include "check.h"
#include "slot/block.h"

enum { ROOM = 200000 };

static void *closures[ROOM];
static adder *codes[ROOM];
static int count;
static struct trampfd_trail trail;

/* Make more closures; stops at the first refusal and gives its errno, or 0. */
TRAMPFD_API int peer_make(int more);
int peer_make(int more)
{
    for (; more > 0 && count < ROOM; more--, count++) {
        closures[count] = trampfd_closure_alloc(56, (void **)&codes[count], &trail);
        if (!closures[count])
            return errno;
        if (trampfd_closure_prep(closures[count], adder_cif(), add, (void *)(intptr_t)count))
            return EINVAL;
    }
    return more ? ENOSPC : 0;
}

/* Free all but the first `left`. */
TRAMPFD_API void peer_free(int left);
void peer_free(int left)
{
    while (count > left)
        trampfd_closure_free(closures[--count]);
}

TRAMPFD_API int peer_count(void);
int peer_count(void)
{
    return count;
}

/* Calls all closures; how many gave a wrong result? */
TRAMPFD_API int peer_wrong(void);
int peer_wrong(void)
{
    int wrong = 0;

    for (int i = 0; i < count; i++)
        wrong += codes[i](11) != 11 + i;
    return wrong;
}

/* The steps that were refused when the newest closure was made. */
TRAMPFD_API const char *peer_trail(void);
const char *peer_trail(void)
{
    static char text[4000];

    trampfd_trail_format(&trail, text, sizeof(text));
    return text;
}

/* The source of a closure's slot, and the address of its block. */
TRAMPFD_API const char *peer_source(int number);
const char *peer_source(int number)
{
    struct trampfd_slot slot;

    return trampfd_slot_find((void *)codes[number], &slot) ? "nowhere" : slot.source;
}

TRAMPFD_API const void *peer_block(int number);
const void *peer_block(int number)
{
    struct trampfd_slot slot;

    return trampfd_slot_find((void *)codes[number], &slot) ? NULL : slot.block;
}

/* Bytes of the slots of a block. */
TRAMPFD_API size_t peer_slots_size(void);
size_t peer_slots_size(void)
{
    return TFD_CODE_BYTES;
}
