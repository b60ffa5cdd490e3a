/* SPDX-License-Identifier: MIT */
/*
 * trampfd, user type: no code at all.  A slot is a page that cannot be read; calling it faults, and
 * the kernel continues at an entry with the registers and the stack data that it holds.  If the
 * entry allows it, the record is that stack data: 64 bytes below the stack pointer, which the
 * kernel writes at each call.  For other entries (those of libffi) the kernel holds the entry and
 * the address of the record, and the record is memory of the process.
 *
 * Each slot has a descriptor, which is made when the slot is first used, so RLIMIT_NOFILE limits
 * their number.  Freed slots keep theirs, so that a call of a freed slot can be named; at most a
 * quarter of that limit is kept in this way, to leave the rest to the program.
 *
 * Fork: the child inherits none of these mappings, and of its descriptors it can only read what
 * they hold; so it makes its own before fork(2) returns.  The contexts that it copies must not
 * change meanwhile, so a descriptor that is older than a fork is never set again: the slot gets a
 * new one.  If a thread is setting a context while another one forks, the child may find the old
 * context, the new one or none: no lock is held during a fork, and the child reads the descriptor
 * at once.  That concerns only the closure that is being prepared or freed at that moment, which
 * no other thread may rely on.
 */
#define _GNU_SOURCE
#include "provider.h"

#include "slot/allowed.h"
#include "arch/port.h"
#include "device.h"
#include "base/fatal.h"
#include "base/lock.h"
#include "span.h"
#include "base/trail.h"
#include "user_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const char name[] = "trampfd-user";

/* The distance from one slot to the next. */
static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t code_bytes(void)
{
    return TFD_SLOTS * page_size();
}

/* The descriptor of a slot.  `forks` were over when it was made: their children do not share it. */
struct user_slot {
    struct tfd_descriptor descriptor;
    uint64_t forks;
};

struct user_block {
    struct user_slot slots[TFD_SLOTS];
};

_Static_assert(TFD_RECORD_SIZE <= TRAMPFD_MAX_DATA_SIZE, "a record fits the stack data");

/* May fail because the limit of descriptors is reached: nothing is left behind then. */
static int create(struct tfd_descriptor *descriptor, struct trampfd_trail *trail)
{
    uint64_t list[TFD_ALLOWED_MAX];
    unsigned count = tfd_allowed_list(TFD_ALLOWED_ELSEWHERE, list);
    int error;

    list[count++] = (uintptr_t)tfd_entry_below_stack;
    if (count > TRAMPFD_MAX_PCS)
        return tfd_trail_add(trail, name, "list of entries", E2BIG);
    error = tfd_device_create(descriptor, TRAMPFD_USER, 0, name, trail);
    if (error)
        return error;
    error = tfd_descriptor_allow(descriptor, list, count);
    if (!error)
        return 0;
    tfd_descriptor_close(descriptor);
    return tfd_trail_add(trail, name, "set the list of entries", -error);
}

static char *page_of(const struct tfd_block *block, unsigned index)
{
    return (char *)(uintptr_t)block->code + (size_t)index * page_size();
}

static int map_slot(const struct tfd_block *block, unsigned index,
                    const struct tfd_descriptor *descriptor)
{
    void *page = mmap(page_of(block, index), page_size(), PROT_READ | PROT_EXEC,
                      MAP_PRIVATE | MAP_FIXED, descriptor->fd, 0);

    return page == MAP_FAILED ? -errno : 0;
}

static int set_registers(const struct tfd_descriptor *descriptor, tfd_entry *pc, const void *chain)
{
    union tfd_user_registers registers;
    struct trampfd_reg *regs = registers.context.regs;

    registers.context = (struct trampfd_regs){.nregs = 2};
    regs[0] = (struct trampfd_reg){.name = tfd_port_chain, .value = (uintptr_t)chain};
    regs[1] = (struct trampfd_reg){.name = tfd_port_pc, .value = (uintptr_t)pc};
    return tfd_user_set_registers(descriptor, &registers);
}

static int set_stack(const struct tfd_descriptor *descriptor, const union tfd_record *record)
{
    union tfd_user_stack stack = {.context = {.size = record ? sizeof(*record) : 0}};

    if (record)
        memcpy(stack.context.data, record, sizeof(*record));
    return tfd_user_set_stack(descriptor, &stack);
}

/* A call meanwhile finds the old context or the new one, depending on the PC. */
static int set_context(const struct tfd_descriptor *descriptor, const union tfd_record *record,
                       const union tfd_record *shadow)
{
    int below = tfd_allowed_below_stack(record->go.entry);
    int error = below ? set_stack(descriptor, record) : 0;

    if (!error)
        error = set_registers(descriptor, below ? tfd_entry_below_stack : record->go.entry, shadow);
    if (!error && !below)
        error = set_stack(descriptor, NULL);
    return error;
}

/*
 * Makes a descriptor that is not shared, with that context, maps it at the slot's place, and closes
 * the former one.  On failure the slot is unchanged.
 */
static int make_slot(struct tfd_block *block, unsigned index, const union tfd_record *record,
                     struct user_slot *slot)
{
    struct tfd_descriptor old = slot->descriptor;
    struct trampfd_trail trail = {0};
    struct tfd_descriptor made;
    uint64_t forks = tfd_forks_over(); /* before it is made */
    int error = create(&made, &trail);

    if (error)
        return error;
    error = set_context(&made, record, &block->shadow[index]);
    if (!error)
        error = map_slot(block, index, &made);
    if (error) {
        tfd_descriptor_close(&made);
        return error;
    }
    *slot = (struct user_slot){made, forks};
    tfd_descriptor_close(&old);
    return 0;
}

/* For a freed slot whose record cannot be changed any more. */
static int make_uncallable(struct tfd_block *block, unsigned index, struct user_slot *slot)
{
    if (mmap(page_of(block, index), page_size(), PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0)
        == MAP_FAILED)
        return -errno;
    tfd_descriptor_close(&slot->descriptor);
    return 0;
}

/* Calls may be reading it: words change atomically, and only those that differ change. */
static void store_shadow(union tfd_record *shadow, const union tfd_record *record)
{
    for (size_t i = sizeof(shadow->words) / sizeof(shadow->words[0]); i-- > 0;)
        __atomic_store_n(&shadow->words[i], record->words[i], __ATOMIC_RELEASE);
}

static int store(struct tfd_block *block, unsigned index, const union tfd_record *record)
{
    struct user_block *private = block->private;
    struct user_slot *slot = &private->slots[index];
    int error;

    if (slot->forks == tfd_forks_begun() && tfd_descriptor_is_ours(&slot->descriptor))
        error = set_context(&slot->descriptor, record, &block->shadow[index]);
    else
        error = make_slot(block, index, record, slot);
    if (error && record->go.entry == tfd_entry_dead && index < block->fresh)
        error = make_uncallable(block, index, slot);
    if (!error)
        store_shadow(&block->shadow[index], record);
    return error;
}

/* A call in progress has its own copy of the record, or reads the shadow. */
static int disarm(struct tfd_block *block, unsigned index)
{
    union tfd_record record = block->shadow[index];

    record.go.entry = tfd_entry_dead;
    return store(block, index, &record);
}

/* 0 if the context does not name the PC. */
static uintptr_t pc_of(const union tfd_user_registers *registers)
{
    uintptr_t pc = 0;

    for (unsigned i = 0; i < registers->context.nregs; i++)
        if (registers->context.regs[i].name == tfd_port_pc)
            pc = (uintptr_t)registers->context.regs[i].value;
    return pc;
}

/* What a descriptor holds, as set_context() wrote it. */
static int read_context(const struct tfd_descriptor *descriptor, const union tfd_record *shadow,
                        union tfd_record *record)
{
    union tfd_user_registers registers;
    union tfd_user_stack stack = {0};
    tfd_entry *pc;
    int error = tfd_user_read_registers(descriptor, &registers);

    if (!error)
        error = tfd_user_read_stack(descriptor, &stack);
    if (error)
        return error;
    pc = (tfd_entry *)pc_of(&registers);
    if (pc == tfd_entry_below_stack) {
        memcpy(record, stack.context.data, sizeof(*record));
    } else {
        *record = *shadow;
        record->go.entry = pc;
    }
    return 0;
}

static int load(const struct tfd_block *block, unsigned index, union tfd_record *record)
{
    struct user_block *private = block->private;
    const struct tfd_descriptor *descriptor = &private->slots[index].descriptor;

    if (!tfd_descriptor_is_ours(descriptor))
        return -ESTALE;
    return read_context(descriptor, &block->shadow[index], record);
}

static const void *in_memory(const struct tfd_block *block, unsigned index,
                             const union tfd_record *record)
{
    return tfd_allowed_below_stack(record->go.entry) ? NULL : &block->shadow[index];
}

static int intact(const struct tfd_block *block, unsigned index)
{
    (void)block;
    (void)index;
    return 1;
}

static int freeze(struct tfd_block *block, unsigned index)
{
    const struct user_block *private = block->private;
    const struct tfd_descriptor *descriptor = &private->slots[index].descriptor;

    return tfd_descriptor_is_ours(descriptor) ? tfd_descriptor_freeze(descriptor, 0, 1) : -ESTALE;
}

static void copy_slot(struct tfd_block *block, unsigned index, struct user_slot *slot)
{
    union tfd_record record = block->shadow[index];
    int error = 0;

    if (tfd_descriptor_is_ours(&slot->descriptor))
        error = read_context(&slot->descriptor, &block->shadow[index], &record);
    if (!error)
        error = make_slot(block, index, &record, slot);
    if (!error && block->shadow[index].owner.state == TFD_STATE_PERMANENT)
        error = freeze(block, index);
    if (error) {
        tfd_warn("cannot recreate a closure after fork", page_of(block, index), -error);
        tfd_descriptor_close(&slot->descriptor);
    }
}

static void in_child(struct tfd_block *block)
{
    struct user_block *private = block->private;

    for (unsigned i = 0; i < block->fresh; i++)
        if (private->slots[i].descriptor.fd >= 0)
            copy_slot(block, i, &private->slots[i]);
}

static void limit_rest(struct tfd_block *block)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit) && block->rest > limit.rlim_cur / 4 + 1)
        block->rest = (unsigned)(limit.rlim_cur / 4) + 1;
}

/* Can descriptors be made?  Each slot makes its own later. */
static int try_descriptor(struct trampfd_trail *trail)
{
    struct tfd_descriptor descriptor;
    int error = create(&descriptor, trail);

    if (!error)
        tfd_descriptor_close(&descriptor);
    return error;
}

static int map(struct tfd_block *block, struct trampfd_trail *trail)
{
    struct user_block *private;
    char *code, *shadow;
    int error = try_descriptor(trail);

    if (error)
        return error;
    private = malloc(sizeof(*private));
    if (!private)
        return tfd_trail_add(trail, name, "malloc", ENOMEM);
    code = tfd_span_reserve(code_bytes());
    if (!code) {
        error = tfd_trail_add(trail, name, "mmap address space", errno);
        goto free_private;
    }
    shadow = tfd_span_map_records();
    if (!shadow) {
        error = tfd_trail_add(trail, name, "mmap records", errno);
        goto unmap_code;
    }
    for (unsigned i = 0; i < TFD_SLOTS; i++)
        private->slots[i].descriptor.fd = -1;
    block->provider = TFD_PROVIDER_TRAMPFD_USER;
    block->source = TFD_TRAMPFD_USER;
    block->slot_size = page_size();
    block->code = code;
    block->records = block->shadow = (union tfd_record *)shadow;
    block->private = private;
    limit_rest(block);
    return 0;

unmap_code:
    munmap(code, code_bytes());
free_private:
    free(private);
    return error;
}

static void unmap(struct tfd_block *block)
{
    struct user_block *private = block->private;

    munmap((void *)(uintptr_t)block->code, code_bytes());
    for (unsigned i = 0; i < block->fresh; i++)
        tfd_descriptor_close(&private->slots[i].descriptor);
    munmap(block->shadow, TFD_RECORD_BYTES);
    free(private);
}

static void probe(struct trampfd_trail *trail)
{
    if (!try_descriptor(trail))
        tfd_trail_add(trail, name, "descriptor made", 0);
}

const struct tfd_provider tfd_provider_trampfd_user = {
    .name = name,
    .present = tfd_device_present,
    .map = map,
    .unmap = unmap,
    .store = store,
    .disarm = disarm,
    .freeze = freeze,
    .load = load,
    .in_memory = in_memory,
    .intact = intact,
    .in_child = in_child,
    .probe = probe,
};
