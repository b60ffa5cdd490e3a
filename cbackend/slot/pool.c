/* SPDX-License-Identifier: MIT */
/*
 * Each block has its own list of freed slots (linked by index through the states of their records)
 * and a line between slots that were handed out before and fresh ones, so that a record's memory
 * is touched only when its slot is used.
 *
 * A freed slot is to stay dead for long: a call through a pointer to it is then reported and does
 * not reach another closure, and a call that was on its way in when it was freed finds all it
 * reads.  So the slot that was freed first is handed out first, and a block hands out fresh slots
 * until as many freed ones wait as are to rest, or no fresh slot can be had.
 *
 * Blocks with a slot to hand out are "partial" and form a list; the first one serves, others join
 * at the end, so that later blocks can run empty.  The block that ran empty last is kept, the one
 * before it is given back: a program that makes and frees closures around a block's border causes
 * no system call, and a closure that was freed just now stays one that is dead, rather than an
 * address without memory.
 *
 * A reservation maps blocks ahead, and from then on none is given back that would leave fewer than
 * there were.  A block is mapped only when all slots are in use or in magazines, however long freed
 * ones are to rest; so it needs as many slots as closures, and those that all magazines together
 * can keep from a thread that looks for one.  It also makes what blocks and threads get later.
 *
 * Among threads most slots come and go by way of magazines (see magazine.c).  A slot there counts
 * as one in use in its block, so that the block stays.
 *
 * The library's lock guards all of it.  It is not held over fork(2), so a child may find that a
 * thread which it does not have was in the middle of a change.  Each change therefore becomes valid
 * by one store: a slot is free or not by its state, one of a block's slots by `fresh`, and a block
 * is there when the list of all blocks leads to it.  All else is made anew from these: in the block
 * that was being changed its list of freed slots, where all are that no magazine has, and for all
 * blocks the list of partial ones and the counts.  A block that was on its way into the list or out
 * of it is lost to the child.
 */
#include "pool.h"

#include "arch/port.h"
#include "base/fatal.h"
#include "names.h"
#include "provider/provider.h"
#include "base/trail.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/*
 * Making and freeing costs the same with any number here.  A first call costs some 10 ns more than
 * one of an address that was called just before, and up to this number not more than that: the
 * processor still knows the addresses.
 */
#define QUARANTINE 1024

#define RARE __attribute__((cold, noinline)) /* once for a block, not for each slot */
#define ALWAYS_INLINE inline __attribute__((always_inline)) /* a step of making or freeing one */

static struct {
    struct tfd_providers providers;          /* chosen when the first block is made */
    struct tfd_block *all;                   /* newest first */
    struct tfd_block *changing;              /* the latest block whose slots were changed */
    struct tfd_block *partial, *partial_end; /* blocks with a slot to hand out */
    struct tfd_block *empty;                 /* the one that has no slot in use; never built in */
    size_t blocks[TFD_SOURCES];
    size_t reserved; /* blocks that are not given back, empty or not; 0: nothing is reserved */
    size_t code_bytes;
    size_t used;
    struct trampfd_trail trail; /* what was refused when the newest block was made */
} pool;

static RARE void enter_partial(struct tfd_block *block)
{
    block->prev = pool.partial_end;
    block->next = NULL;
    *(pool.partial_end ? &pool.partial_end->next : &pool.partial) = block;
    pool.partial_end = block;
}

static RARE void leave_partial(struct tfd_block *block)
{
    *(block->prev ? &block->prev->next : &pool.partial) = block->next;
    *(block->next ? &block->next->prev : &pool.partial_end) = block->prev;
}

static void enter_all(struct tfd_block *block)
{
    block->older = pool.all;
    block->newer = NULL;
    if (block->older)
        block->older->newer = block;
    __atomic_store_n(&pool.all, block, __ATOMIC_RELEASE);
}

static void leave_all(struct tfd_block *block)
{
    __atomic_store_n(block->newer ? &block->newer->older : &pool.all, block->older,
                     __ATOMIC_RELEASE);
    if (block->older)
        block->older->newer = block->newer;
}

/* From here on the slots of this block are being changed, and those of no other. */
static inline void change(struct tfd_block *block)
{
    pool.changing = block;
    atomic_signal_fence(memory_order_seq_cst);
}

void tfd_pool_change_locked(struct tfd_block *block)
{
    change(block);
}

/* The built-in block stays for good. */
static int may_be_given_back(const struct tfd_block *block)
{
    return block->used == 0 && block->source != TFD_BUILT_IN;
}

static int is_full(const struct tfd_block *block)
{
    return block->used == TFD_SLOTS;
}

static size_t block_count(void)
{
    size_t count = 0;

    for (int source = 0; source < TFD_SOURCES; source++)
        count += pool.blocks[source];
    return count;
}

static int map_block(struct tfd_block *block, int is_ahead, struct trampfd_trail *trail)
{
    int error = -ENOENT;

    for (unsigned i = 0; i < pool.providers.count && error; i++) {
        memset(block, 0, sizeof(*block));
        block->source = pool.blocks[TFD_BUILT_IN] ? TFD_OWN_FILE : TFD_BUILT_IN;
        block->rest = QUARANTINE;
        block->is_ahead = is_ahead;
        error = tfd_provider_list[pool.providers.list[i]]->map(block, trail);
    }
    if (error)
        return error;
    error = tfd_index_add(block);
    if (error) {
        tfd_trail_add(trail, "index", "calloc", ENOMEM);
        tfd_provider_of(block)->unmap(block);
    }
    return error;
}

static void enter_counts(struct tfd_block *block)
{
    pool.blocks[block->source]++;
    pool.code_bytes += tfd_block_code_bytes(block);
    pool.used += block->used;
    if (may_be_given_back(block))
        pool.empty = block;
}

/* Make one more block; it is partial afterwards. */
static int grow_with_trail(int is_ahead, struct trampfd_trail *trail)
{
    struct tfd_block *block;
    int error;

    if (!pool.providers.count)
        pool.providers = tfd_providers_present(tfd_providers_asked_for(trail));
    if (!pool.providers.count)
        return TFD_PORT_HAS_SLOTS ? -EINVAL : -ENOSYS;
    block = tfd_block_new();
    if (!block)
        return tfd_trail_add(trail, "block", "calloc", ENOMEM);

    error = map_block(block, is_ahead, trail);
    pool.trail = *trail;
    if (error) {
        tfd_block_delete(block);
        return error;
    }
    enter_all(block);
    enter_counts(block);
    enter_partial(block);
    return 0;
}

static RARE int grow(struct trampfd_trail *trail)
{
    struct trampfd_trail own = {.count = 0};

    return grow_with_trail(0, trail ? trail : &own);
}

static inline uintptr_t state_of(const struct tfd_block *block, size_t index)
{
    return __atomic_load_n(&block->shadow[index].owner.state, __ATOMIC_RELAXED);
}

static void set_state(struct tfd_block *block, size_t index, uintptr_t state)
{
    __atomic_store_n(&block->shadow[index].owner.state, state, __ATOMIC_RELEASE);
}

static void let_go(const struct tfd_block *block, size_t index)
{
    if (state_of(block, index) & TFD_STATE_HOLDS_PLAN)
        tfd_pool_let_go(&block->records[index]);
}

static RARE void release(struct tfd_block *block)
{
    leave_partial(block);
    leave_all(block);
    for (size_t i = 0; i < block->fresh; i++)
        let_go(block, i);
    pool.blocks[block->source]--;
    pool.code_bytes -= tfd_block_code_bytes(block);
    tfd_index_remove(block);
    tfd_provider_of(block)->unmap(block);
    free(block->names);
    tfd_block_delete(block);
}

static ALWAYS_INLINE int disarm(struct tfd_block *block, size_t index)
{
    int error = tfd_provider_disarm(block, (unsigned)index);

    if (!error && block->shadow != block->records)
        block->shadow[index].go.entry = tfd_entry_dead;
    return error;
}

static inline int write_record(struct tfd_slot slot, const union tfd_record *record)
{
    if (slot.block->shadow != slot.block->records)
        slot.block->shadow[slot.index] = *record;
    return tfd_provider_store(slot.block, (unsigned)slot.index, record);
}

int tfd_pool_store_locked(struct tfd_slot slot, union tfd_record *record)
{
    record->owner.state = tfd_slot_shadow(slot)->owner.state;
    return write_record(slot, record);
}

/* Freed slots of the block. */
static unsigned waiting(const struct tfd_block *block)
{
    return block->fresh - block->used;
}

_Noreturn void tfd_pool_overwritten(struct tfd_slot slot)
{
    tfd_fatal("the record of a free closure was overwritten", tfd_slot_code(slot));
}

/*
 * A stray store into a freed record must not lead the list out of the block.  The one that is
 * handed out next has rested so long that the processor has to fetch it.
 */
static ALWAYS_INLINE size_t pop(struct tfd_block *block)
{
    size_t index = block->oldest - 1;
    union tfd_record *shadow = &block->shadow[index];
    uintptr_t state = __atomic_load_n(&shadow->owner.state, __ATOMIC_RELAXED);
    unsigned next = (unsigned)tfd_state_next(state);

    if (shadow->go.entry != tfd_entry_dead || !tfd_state_is_freed(state)
        || tfd_state_next(state) > TFD_SLOTS || !next != (block->oldest == block->newest))
        tfd_pool_overwritten((struct tfd_slot){block, index});
    if (state & TFD_STATE_HOLDS_PLAN)
        tfd_pool_let_go(&block->records[index]);
    block->oldest = next;
    if (next)
        __builtin_prefetch(&block->shadow[next - 1], 1);
    else
        block->newest = 0;
    return index;
}

/* Puts a slot at the end of the freed ones; from now on it is free. */
static ALWAYS_INLINE void push(struct tfd_block *block, size_t index, enum tfd_holds holds)
{
    uintptr_t link = (uintptr_t)(index + 1) << TFD_STATE_NEXT_SHIFT;
    unsigned newest = block->newest;

    set_state(block, index, TFD_STATE_FREED | (holds == TFD_HOLDS_PLAN ? TFD_STATE_HOLDS_PLAN : 0));
    if (newest)
        set_state(block, newest - 1, state_of(block, newest - 1) | link);
    else
        block->oldest = (unsigned)index + 1;
    block->newest = (unsigned)index + 1;
}

/*
 * The index of a fresh slot, or of a freed one: the first of them, if enough rest or no fresh one
 * can be had.  Or a negative errno.
 */
static ALWAYS_INLINE ssize_t choose(struct tfd_block *block, struct trampfd_trail *trail)
{
    if (block->fresh < TFD_SLOTS && waiting(block) < block->rest) {
        int error = disarm(block, block->fresh);

        if (!error)
            return block->fresh;
        if (!waiting(block))
            return tfd_trail_add(trail, tfd_provider_of(block)->name, "store a record", -error);
    }
    return (ssize_t)pop(block);
}

static ALWAYS_INLINE struct tfd_slot take(uintptr_t state, struct trampfd_trail *trail)
{
    struct tfd_block *block;
    ssize_t index;

    if (__builtin_expect(!pool.partial, 0)) {
        int error = grow(trail);

        if (error)
            return tfd_slot_none(error);
    }
    block = pool.partial;
    change(block);
    index = choose(block, trail);
    if (__builtin_expect(index < 0, 0))
        return tfd_slot_none((int)index);

    if (pool.empty == block)
        pool.empty = NULL;
    if ((size_t)index == block->fresh)
        __atomic_store_n(&block->fresh, block->fresh + 1, __ATOMIC_RELEASE);
    block->used++;
    pool.used++;
    set_state(block, (size_t)index, state);
    if (__builtin_expect(is_full(block), 0))
        leave_partial(block);
    return (struct tfd_slot){block, (size_t)index};
}

struct tfd_slot tfd_pool_take_locked(uintptr_t state, struct trampfd_trail *trail)
{
    return take(state, trail);
}

/* What is left is for all threads: the fewer slots there are, the fewer one gets. */
static unsigned share_of(const struct tfd_block *block, unsigned most)
{
    unsigned share = tfd_provider_is_plain(block) ? (TFD_SLOTS - block->used) / 8 + 1 : 1;

    return share < most ? share : most;
}

int tfd_pool_draw_locked(uintptr_t state, struct tfd_slot *slots, unsigned most,
                         struct trampfd_trail *trail)
{
    struct tfd_slot slot = take(state, trail);
    unsigned count = 0, share;

    if (!slot.block)
        return tfd_slot_error(slot);
    share = share_of(slot.block, most);
    slots[count++] = slot;
    while (count < share && pool.partial == slot.block) {
        slot = take(state, NULL);
        if (!slot.block)
            break;
        slots[count++] = slot;
    }
    return (int)count;
}

int tfd_pool_not_entered(struct trampfd_trail *trail, int error)
{
    if (error > 0)
        return tfd_trail_add(trail, "fork handlers", "pthread_atfork", error);
    return tfd_trail_add(trail, "lock", "a signal handler interrupted trampfd itself", -error);
}

/* Puts a slot that is free and dead into its block's list. */
static ALWAYS_INLINE void put_back(struct tfd_block *block, size_t index, enum tfd_holds holds)
{
    int was_full = is_full(block);

    push(block, index, holds);
    block->used--;
    pool.used--;
    if (was_full)
        enter_partial(block);
    if (may_be_given_back(block)) {
        struct tfd_block *before = pool.empty;

        pool.empty = block;
        if (before && block_count() > pool.reserved)
            release(before);
    }
}

/* Gives back blocks that are empty, except one, while there are more than `least`. */
static void shrink(size_t least)
{
    struct tfd_block *older;

    pool.empty = NULL;
    for (struct tfd_block *block = pool.all; block; block = older) {
        older = block->older;
        if (!may_be_given_back(block))
            continue;
        if (pool.empty && block_count() > least)
            release(block);
        else
            pool.empty = block;
    }
}

/* For as many closures as live now, and so many more. */
static size_t blocks_for(size_t count)
{
    size_t live = pool.used - tfd_magazines_kept_locked();

    return (live + count + tfd_magazines_most_locked() + TFD_SLOTS - 1) / TFD_SLOTS;
}

static int map_ahead(size_t least, struct trampfd_trail *trail)
{
    int error = 0;

    while (!error && block_count() < least) {
        trail->count = 0;
        error = grow_with_trail(1, trail);
    }
    for (struct tfd_block *block = pool.all; !error && block; block = block->older) {
        if (tfd_names_get_locked(block))
            error = tfd_trail_add(trail, "names", "calloc", ENOMEM);
    }
    if (!error)
        tfd_magazines_make_locked();
    return error;
}

int tfd_pool_reserve_locked(size_t count, struct trampfd_trail *trail)
{
    size_t before = block_count(), least = 0;
    int error = 0;

    if (count > SIZE_MAX / (TFD_SLOT_SIZE + TFD_RECORD_SIZE))
        return tfd_trail_add(trail, "reserve", "address space", ENOMEM);
    tfd_magazines_collect_locked();
    if (count) {
        least = blocks_for(count);
        error = map_ahead(least, trail);
    }
    shrink(error ? before : least);
    if (error)
        return error;
    pool.reserved = count ? block_count() : 0;
    return 0;
}

int tfd_pool_is_reserved_locked(void)
{
    return pool.reserved != 0;
}

static enum tfd_holds what_it_holds(uintptr_t state)
{
    return state & TFD_STATE_HOLDS_PLAN ? TFD_HOLDS_PLAN : TFD_HOLDS_NOTHING;
}

void tfd_pool_return_locked(struct tfd_slot slot)
{
    change(slot.block);
    put_back(slot.block, slot.index, what_it_holds(state_of(slot.block, slot.index)));
}

/* The slot is free before it is dead: who finds it dead then is told that it was freed. */
int tfd_pool_give_locked(struct tfd_slot slot, const char *name, enum tfd_holds holds)
{
    struct tfd_block *block = slot.block;
    uintptr_t state = state_of(block, slot.index);
    int error;

    if (tfd_state_is_free(state))
        return -EINVAL;
    change(block);
    if (name)
        tfd_names_get_locked(block);
    if (tfd_names_exist(block))
        tfd_name_write(slot, name);
    if (!tfd_slot_becomes_free(slot, TFD_STATE_FREED))
        return -EINVAL;
    error = disarm(block, slot.index);
    if (error) {
        set_state(block, slot.index, state);
        return error;
    }
    put_back(block, slot.index, holds);
    return 0;
}

/* What another thread left half done in the parent: its list of freed slots, and a slot's death. */
static void make_block_whole(struct tfd_block *block)
{
    block->used = block->oldest = block->newest = 0;
    for (size_t i = 0; i < block->fresh; i++) {
        uintptr_t state = state_of(block, i);

        if (!tfd_state_is_free(state) || (state & TFD_STATE_KEPT && tfd_magazine_has(block, i))) {
            block->used++;
            continue;
        }
        if (block->shadow[i].go.entry != tfd_entry_dead)
            disarm(block, i);
        push(block, i, what_it_holds(state));
    }
}

static void make_pool_whole(void)
{
    struct tfd_block *newer = NULL;

    memset(pool.blocks, 0, sizeof(pool.blocks));
    pool.code_bytes = pool.used = 0;
    pool.empty = NULL;
    pool.partial = pool.partial_end = NULL;
    for (struct tfd_block *block = pool.all; block; newer = block, block = block->older) {
        block->newer = newer;
        if (block == pool.changing)
            make_block_whole(block);
        enter_counts(block);
        if (!is_full(block))
            enter_partial(block);
    }
    tfd_index_in_child(pool.all);
}

void tfd_pool_in_child(int torn)
{
    if (torn)
        make_pool_whole();
    tfd_magazines_in_child();
    for (struct tfd_block *block = pool.all; block; block = block->older)
        if (tfd_provider_of(block)->in_child)
            tfd_provider_of(block)->in_child(block);
}

int tfd_pool_has(const void *address)
{
    return tfd_index_find(address) != NULL;
}

struct tfd_slot tfd_pool_find_code(const void *code)
{
    struct tfd_block *block = tfd_index_find(code);

    return tfd_slot_at(block, block ? tfd_block_index_of_code(block, code) : -1);
}

struct tfd_slot tfd_pool_find_record(const union tfd_record *record)
{
    struct tfd_block *block = tfd_index_find(record);

    return tfd_slot_at(block, block ? tfd_block_index_in(block->records, record) : -1);
}

int tfd_pool_each_locked(int (*visit)(struct tfd_slot slot, void *data), void *data)
{
    int error = 0;

    for (struct tfd_block *block = pool.all; block; block = block->older)
        for (size_t i = 0; i < block->fresh && !error; i++)
            if (!tfd_state_is_free(state_of(block, i)))
                error = visit((struct tfd_slot){block, i}, data);
    return error;
}

void tfd_pool_status(struct trampfd_status *status)
{
    struct tfd_providers expected;
    const char *provider = "none";
    struct trampfd_trail of_providers = {0};
    size_t blocks;
    int is_inside = tfd_lock_checked(); /* counts are read as they are then */
    size_t used;

    if (!is_inside)
        tfd_magazines_collect_locked();
    used = pool.used - tfd_magazines_kept_locked();
    expected = tfd_providers_present(tfd_providers_asked_for(&of_providers));
    if (pool.all)
        provider = tfd_provider_of(pool.all)->name;
    else if (expected.count)
        provider = tfd_provider_list[expected.list[0]]->name;
    blocks = block_count();
    *status = (struct trampfd_status){
        .provider = provider,
        .blocks_built_in = pool.blocks[TFD_BUILT_IN],
        .blocks_own_file = pool.blocks[TFD_OWN_FILE],
        .blocks_memfd = pool.blocks[TFD_MEMFD],
        .blocks_trampfd = pool.blocks[TFD_TRAMPFD],
        .blocks_trampfd_user = pool.blocks[TFD_TRAMPFD_USER],
        .slots_used = used,
        .slots_free = blocks * TFD_SLOTS - used,
        .code_bytes = pool.code_bytes,
        .record_bytes = blocks * TFD_RECORD_BYTES,
        .trail = expected.count ? pool.trail : of_providers,
    };
    if (!is_inside)
        tfd_unlock();
}

void trampfd_probe(struct trampfd_trail *trail)
{
    struct tfd_providers providers;

    trail->count = 0;
    if (tfd_pool_enter(trail))
        return;
    tfd_lock_inside();
    providers = tfd_providers_asked_for(trail);
    for (unsigned i = 0; i < providers.count; i++)
        tfd_provider_list[providers.list[i]]->probe(trail);
    tfd_unlock();
}

static int has_plain_block(void)
{
    for (const struct tfd_block *block = pool.all; block; block = block->older)
        if (tfd_provider_is_plain(block))
            return 1;
    return 0;
}

int trampfd_seal(void)
{
    int error = tfd_pool_enter(NULL);

    if (error)
        return error;
    tfd_lock_inside();
    if (has_plain_block()) {
        error = -EBUSY;
    } else {
        tfd_providers_seal();
        pool.providers.count = 0; /* to be chosen anew */
    }
    tfd_unlock();
    return error;
}
