/* SPDX-License-Identifier: MIT */
/*
 * Among threads each making and each freeing would wait for the library's lock.  So a thread has a
 * magazine: it takes slots from there and puts there what it frees, and goes to the pool for some
 * dozens of them at once.  What it frees comes to the pool in the order in which it was freed, so
 * the oldest slot is still handed out first, and rests as long as it would without magazines.
 *
 * A process with a single thread has no magazine: there the pool takes no lock.  Nor has a thread
 * for which there is no memory.  A thread that makes few closures keeps few slots: it gets one at
 * first, then twice as many at each visit.
 *
 * A thread that ends gives back what it has.  In the child of a fork the magazines of all other
 * threads are orphans; their slots are given back when the lock is taken next.  A thread may have
 * been anywhere then, so a magazine is changed in an order that leaves each slot to be found: by
 * the state TFD_STATE_KEPT, in the magazine or in the block that was being changed (see pool.c).
 *
 * While slots are reserved no magazine is mapped: a number of them was made ahead, and a thread that
 * finds none does without.
 *
 * Slots whose provider needs the lock to disarm them are given back one by one.  Rejected: one pool
 * for each of some groups of threads, which takes a lock each time, if one that is seldom held, and
 * divides the built-in slots.
 */
#define _GNU_SOURCE
#include "magazine.h"

#include "arch/port.h"
#include "base/trail.h"
#include "names.h"
#include "provider/provider.h"

#include <pthread.h>
#include <sys/mman.h>

#define RARE __attribute__((cold, noinline)) /* once for dozens of slots */
#define ALWAYS_INLINE inline __attribute__((always_inline))

#define KEPT (TFD_STATE_FREED | TFD_STATE_KEPT)

TFD_THREAD_LOCAL struct tfd_magazine *tfd_magazine;

/* Guarded by the lock.  Their memory is mapped, as signal handlers may interrupt malloc(3). */
#define MAPPED 16

static struct tfd_magazine *all; /* newest first; none is ever unmapped */
static struct tfd_magazine *mapped;
static unsigned used_of_mapped = MAPPED;
static int have_orphans;

/* Calls give_back() at the end of a thread. */
static pthread_key_t at_end;
static int has_key;

static unsigned load(const unsigned *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static void store(unsigned *number, unsigned value)
{
    __atomic_store_n(number, value, __ATOMIC_RELEASE);
}

/* There is nothing to lock out then, and no other magazine. */
static ALWAYS_INLINE int is_alone(void)
{
    return tfd_is_single_threaded() && !tfd_magazine;
}

static int is_kept(struct tfd_slot slot)
{
    return slot.block && (tfd_slot_state(slot) & ~TFD_STATE_HOLDS_PLAN) == KEPT;
}

/* The pool repairs the block from the moment on when the slot is no longer in the magazine. */
static void give_back_one(struct tfd_slot *at)
{
    struct tfd_slot slot = *at;

    if (!is_kept(slot))
        return;
    tfd_pool_change_locked(slot.block);
    at->block = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    tfd_pool_return_locked(slot);
}

/* The thread may have ended, in a child, before the slot was dead. */
static void give_back_freeing(struct tfd_magazine *magazine)
{
    struct tfd_slot slot = magazine->freeing;

    if (is_kept(slot))
        tfd_provider_disarm(slot.block, (unsigned)slot.index);
    give_back_one(&magazine->freeing);
}

static void give_back_freed(struct tfd_magazine *magazine)
{
    for (unsigned i = 0; i < magazine->freed_count; i++)
        give_back_one(&magazine->freed[i]);
    store(&magazine->freed_count, 0);
}

static void give_back_all(struct tfd_magazine *magazine)
{
    give_back_freed(magazine);
    give_back_freeing(magazine);
    for (unsigned i = magazine->next; i < magazine->end; i++)
        give_back_one(&magazine->ready[i]);
    store(&magazine->next, magazine->end);
    tfd_magazine_let_go_locked(magazine);
    magazine->owner = TFD_MAGAZINE_UNUSED;
}

/* A thread that ends in a signal handler which interrupted this library leaves its magazine. */
static void give_back(void *magazine)
{
    if (tfd_lock_checked())
        return;
    give_back_all(magazine);
    tfd_magazine = NULL;
    tfd_unlock();
}

void tfd_magazines_collect_locked(void)
{
    if (__builtin_expect(!have_orphans, 1))
        return;
    have_orphans = 0;
    for (struct tfd_magazine *magazine = all; magazine; magazine = magazine->older)
        if (magazine->owner == TFD_MAGAZINE_ORPHANED)
            give_back_all(magazine);
}

void tfd_magazines_in_child(void)
{
    for (struct tfd_magazine *magazine = all; magazine; magazine = magazine->older)
        if (magazine != tfd_magazine && magazine->owner != TFD_MAGAZINE_UNUSED) {
            magazine->owner = TFD_MAGAZINE_ORPHANED;
            have_orphans = 1;
        }
}

size_t tfd_magazines_kept_locked(void)
{
    size_t count = 0;

    for (struct tfd_magazine *magazine = all; magazine; magazine = magazine->older)
        count += load(&magazine->freed_count) + load(&magazine->end) - load(&magazine->next);
    return count;
}

static int is_at(const struct tfd_slot *at, const struct tfd_block *block, size_t index)
{
    return at->block == block && at->index == index;
}

int tfd_magazine_has(const struct tfd_block *block, size_t index)
{
    const struct tfd_magazine *own = tfd_magazine;

    if (!own)
        return 0;
    for (unsigned i = own->next; i < own->end; i++)
        if (is_at(&own->ready[i], block, index))
            return 1;
    for (unsigned i = 0; i < own->freed_count; i++)
        if (is_at(&own->freed[i], block, index))
            return 1;
    return is_at(&own->freeing, block, index);
}

static struct tfd_magazine *map_one(void)
{
    struct tfd_magazine *magazine;

    if (used_of_mapped == MAPPED) {
        void *memory = mmap(NULL, MAPPED * sizeof(*mapped), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return NULL;
        mapped = memory;
        used_of_mapped = 0;
    }
    magazine = &mapped[used_of_mapped++];
    magazine->older = all;
    __atomic_store_n(&all, magazine, __ATOMIC_RELEASE);
    return magazine;
}

static struct tfd_magazine *find_unused(void)
{
    struct tfd_magazine *magazine = all;

    while (magazine && magazine->owner != TFD_MAGAZINE_UNUSED)
        magazine = magazine->older;
    return magazine || tfd_pool_is_reserved_locked() ? magazine : map_one();
}

/* The magazine of the calling thread, with the lock; NULL where it has to do without. */
static struct tfd_magazine *own_magazine(void)
{
    struct tfd_magazine *magazine;

    if (tfd_magazine || tfd_is_single_threaded())
        return tfd_magazine;
    if (!has_key)
        has_key = !pthread_key_create(&at_end, give_back);
    magazine = has_key ? find_unused() : NULL;
    if (!magazine || pthread_setspecific(at_end, magazine))
        return NULL;
    magazine->most = 1;
    magazine->owner = TFD_MAGAZINE_OF_THREAD;
    tfd_magazine = magazine;
    return magazine;
}

/* Magazines to be made for threads to come. */
static unsigned missing(void)
{
    unsigned unused = 0;

    for (struct tfd_magazine *magazine = all; magazine; magazine = magazine->older)
        unused += magazine->owner == TFD_MAGAZINE_UNUSED;
    return unused < MAPPED ? MAPPED - unused : 0;
}

/* Where there is no memory for them, threads do without. */
void tfd_magazines_make_locked(void)
{
    for (unsigned left = missing(); left && map_one();)
        left--;
    own_magazine();
}

size_t tfd_magazines_most_locked(void)
{
    size_t count = missing();

    for (struct tfd_magazine *magazine = all; magazine; magazine = magazine->older)
        count++;
    return count * 2 * TFD_MAGAZINE_SIZE;
}

/* Returns 0 or a negative errno; the magazine has slots that are ready then. */
static int refill(struct tfd_magazine *magazine, struct trampfd_trail *trail)
{
    int count;

    give_back_freed(magazine);
    store(&magazine->next, 0);
    store(&magazine->end, 0);
    count = tfd_pool_draw_locked(KEPT, magazine->ready, magazine->most, trail);
    if (count < 0)
        return count;
    store(&magazine->end, (unsigned)count);
    if (magazine->most < TFD_MAGAZINE_SIZE)
        magazine->most *= 2;
    tfd_magazine_refill_plan_locked(magazine);
    return 0;
}

/* A stray store into a freed record must not lead to two closures with one slot. */
static ALWAYS_INLINE struct tfd_slot pop(struct tfd_magazine *magazine, uintptr_t state)
{
    struct tfd_slot slot = magazine->ready[magazine->next];

    if (!is_kept(slot) || tfd_slot_shadow(slot)->go.entry != tfd_entry_dead)
        tfd_pool_overwritten(slot);
    __atomic_store_n(&tfd_slot_shadow(slot)->owner.state, state, __ATOMIC_RELEASE);
    store(&magazine->next, magazine->next + 1);
    return slot;
}

static __attribute__((noinline)) struct tfd_slot take_from_pool(uintptr_t state,
                                                                struct trampfd_trail *trail)
{
    struct tfd_magazine *magazine;
    struct tfd_slot slot;
    int error;

    tfd_lock_inside();
    tfd_magazines_collect_locked();
    magazine = own_magazine();
    if (!magazine) {
        slot = tfd_pool_take_locked(state, trail);
    } else {
        error = refill(magazine, trail);
        slot = error ? tfd_slot_none(error) : pop(magazine, state);
    }
    tfd_unlock_inside();
    return slot;
}

struct tfd_slot tfd_pool_take_inside(uintptr_t state, struct trampfd_trail *trail)
{
    struct tfd_magazine *magazine = tfd_magazine;

    if (magazine && magazine->next < magazine->end)
        return pop(magazine, state);
    return is_alone() ? tfd_pool_take_locked(state, trail) : take_from_pool(state, trail);
}

int tfd_pool_store_inside(struct tfd_slot slot, union tfd_record *record)
{
    int error;

    if (tfd_provider_is_plain(slot.block))
        return tfd_pool_store_locked(slot, record);
    tfd_lock_inside();
    error = tfd_pool_store_locked(slot, record);
    tfd_unlock_inside();
    return error;
}

struct tfd_slot tfd_pool_make_inside(uintptr_t state, union tfd_record *record,
                                     struct trampfd_trail *trail)
{
    struct tfd_slot slot = tfd_pool_take_inside(state, trail);
    int error;

    if (!slot.block)
        return slot;
    error = tfd_pool_store_inside(slot, record);
    if (!error)
        return slot;
    tfd_trail_add(trail, tfd_provider_of(slot.block)->name, "store a record", -error);
    tfd_pool_give_inside(slot, NULL, TFD_HOLDS_NOTHING);
    return tfd_slot_none(error);
}

/* The next one that the thread frees goes into its magazine. */
static __attribute__((noinline)) int give_to_pool(struct tfd_slot slot, const char *name,
                                                  enum tfd_holds holds)
{
    int error;

    tfd_lock_inside();
    tfd_magazines_collect_locked();
    own_magazine();
    error = tfd_pool_give_locked(slot, name, holds);
    tfd_unlock_inside();
    return error;
}

static RARE void empty(struct tfd_magazine *magazine)
{
    tfd_lock_inside();
    tfd_magazines_collect_locked();
    give_back_freed(magazine);
    tfd_unlock_inside();
}

/*
 * The slot is free before it is dead, as in tfd_pool_give_locked(); its thread finds it meanwhile.
 */
static ALWAYS_INLINE int put(struct tfd_magazine *magazine, struct tfd_slot slot, const char *name,
                             enum tfd_holds holds)
{
    uintptr_t freed = KEPT | (holds == TFD_HOLDS_PLAN ? TFD_STATE_HOLDS_PLAN : 0);

    if (tfd_names_exist(slot.block))
        tfd_name_write(slot, name);
    magazine->freeing = slot;
    atomic_signal_fence(memory_order_seq_cst);
    if (!tfd_slot_becomes_free(slot, freed)) {
        magazine->freeing.block = NULL;
        return -EINVAL;
    }
    tfd_provider_disarm(slot.block, (unsigned)slot.index);
    magazine->freed[magazine->freed_count] = slot;
    store(&magazine->freed_count, magazine->freed_count + 1);
    magazine->freeing.block = NULL;
    return 0;
}

int tfd_pool_give_inside(struct tfd_slot slot, const char *name, enum tfd_holds holds)
{
    struct tfd_magazine *magazine = tfd_magazine;
    int error;

    if (is_alone())
        return tfd_pool_give_locked(slot, name, holds);
    if (!magazine || !tfd_provider_is_plain(slot.block) || (name && !tfd_names_exist(slot.block)))
        return give_to_pool(slot, name, holds);
    error = put(magazine, slot, name, holds);
    if (magazine->freed_count == TFD_MAGAZINE_SIZE)
        empty(magazine);
    return error;
}

struct tfd_slot tfd_pool_take(uintptr_t state, struct trampfd_trail *trail)
{
    int error = tfd_pool_enter(trail);
    struct tfd_slot slot;

    if (error)
        return tfd_slot_none(error);
    slot = tfd_pool_take_inside(state, trail);
    tfd_leave();
    return slot;
}

struct tfd_slot tfd_pool_make(uintptr_t state, union tfd_record *record,
                              struct trampfd_trail *trail)
{
    int error = tfd_pool_enter(trail);
    struct tfd_slot slot;

    if (error)
        return tfd_slot_none(error);
    slot = tfd_pool_make_inside(state, record, trail);
    tfd_leave();
    return slot;
}

int tfd_pool_store(struct tfd_slot slot, union tfd_record *record)
{
    int error = tfd_enter();

    if (error)
        return error;
    error = tfd_pool_store_inside(slot, record);
    tfd_leave();
    return error;
}

int tfd_pool_give(struct tfd_slot slot, const char *name, enum tfd_holds holds)
{
    int error = tfd_enter();

    if (error)
        return error;
    error = tfd_pool_give_inside(slot, name, holds);
    tfd_leave();
    return error;
}
