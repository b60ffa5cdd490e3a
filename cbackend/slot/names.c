/* SPDX-License-Identifier: MIT */
#include "names.h"

#include "base/setting.h"

#include <stdlib.h>
#include <string.h>

static size_t name_size(void)
{
    return tfd_debug() ? TFD_NAME_SIZE_DEBUG : TFD_NAME_SIZE;
}

static char *name_of(struct tfd_slot slot)
{
    return slot.block->names + slot.index * name_size();
}

int tfd_names_get_locked(struct tfd_block *block)
{
    char *names;

    if (block->names)
        return 0;
    names = calloc(TFD_SLOTS, name_size());
    __atomic_store_n(&block->names, names, __ATOMIC_RELEASE);
    return names ? 0 : -ENOMEM;
}

/* Only reports read names: a slot goes without one where there is no memory for it. */
__attribute__((noinline, cold)) void tfd_name_write(struct tfd_slot slot, const char *name)
{
    size_t length = name ? strnlen(name, name_size() - 1) : 0;
    char *to = name_of(slot);

    if (tfd_state_is_free(tfd_slot_state(slot)))
        return;
    if (length)
        memcpy(to, name, length);
    to[length] = '\0';
}

const char *tfd_name_read(struct tfd_slot slot)
{
    return tfd_names_exist(slot.block) ? name_of(slot) : "";
}
