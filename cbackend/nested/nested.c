/* SPDX-License-Identifier: MIT */
/*
 * Pointers to GCC's nested functions.
 *
 * A nested function finds the variables of the enclosing function through the static chain
 * register.  A pointer to it needs code that loads that register; with -ftrampoline-impl=heap (GCC
 * 14 and later) compiled programs call two functions of libgcc for it, which map writable and
 * executable memory.  Here each pointer is a slot.  These functions are only in the C library: a
 * program that is linked with it, or preloads it, uses them instead of libgcc_s's.  Code that was
 * linked with -static-libgcc or -static contains libgcc's own functions and is not affected.
 *
 * Compiled code calls __gcc_nested_func_ptr_created() for each pointer when the enclosing function
 * starts, and __gcc_nested_func_ptr_deleted() as many times when it ends, also when an exception
 * ends it, if it was compiled with -fexceptions.  The latter function has no argument: it refers to
 * the newest pointer of the calling function.
 *
 * A longjmp(3), or an exception through code without -fexceptions, leaves a function without that
 * call, and coroutines do not end in the reverse order of their start.  So "newest" is not enough:
 * for each pointer, two addresses of its function's frame are kept, that of the call and the chain
 * (functions that are inlined into each other share a frame, so the chain alone is ambiguous).
 * The former is where the caller's frame ends (DWARF's canonical frame address), and not the frame
 * pointer, which some CPUs have at the other end of the callee's frame.  A pointer is dropped once
 * the thread's own stack is in use only above that frame, and when the same function asks again at
 * the same place.  On stacks other than the thread's own only the latter shows that a function was
 * left, because it may simply wait while another stack is in use; pointers that are never deleted
 * there exist as long as the thread.
 *
 * The interface does not support functions that start on one thread and end on another, stacks that
 * lie inside the stack of the thread, or use in signal handlers.
 *
 * No lock is needed, because each thread has its own list.  The child of a fork has the list of the
 * thread that called fork(2); pointers of the other threads stay allocated there.
 */
#define _GNU_SOURCE
#include "closure/entry.h"

#include "slot/allowed.h"
#include "base/fatal.h"
#include "slot/pool.h"
#include "base/trail.h"

#include <pthread.h>

/* The names and types are libgcc's. */
TRAMPFD_API void __gcc_nested_func_ptr_created(void *chain, void *function, void *pointer);
TRAMPFD_API void __gcc_nested_func_ptr_deleted(void);

/* Records of the thread's pointers, newest first. */
static _Thread_local struct {
    union tfd_record *newest;
    uintptr_t low, high; /* its own stack; both 0 if the system does not provide them */
    int is_known;        /* pthreads(7) releases the list when the thread ends */
} thread;

static pthread_key_t release_key;
static int release_key_error;
static pthread_once_t release_key_once = PTHREAD_ONCE_INIT;

/* Unlinks and frees the record that `*at` leads to. */
static void drop(union tfd_record **at)
{
    union tfd_record *record = *at;
    struct tfd_slot slot = tfd_pool_find_closure(record);

    *at = record->chain.older;
    if (!slot.block || tfd_pool_give(slot, "nested function", TFD_HOLDS_NOTHING))
        tfd_fatal("the pointer of a nested function cannot be freed", record);
}

/* Other destructors of thread data may make more pointers; pthreads(7) then calls this again. */
static void release_all(void *unused)
{
    (void)unused;
    thread.is_known = 0;
    while (thread.newest)
        drop(&thread.newest);
}

static void make_release_key(void)
{
    release_key_error = pthread_key_create(&release_key, release_all);
}

static void find_stack(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;

    if (pthread_getattr_np(pthread_self(), &attributes))
        return;
    if (!pthread_attr_getstack(&attributes, &low, &size)) {
        thread.low = (uintptr_t)low;
        thread.high = thread.low + size;
    }
    pthread_attr_destroy(&attributes);
}

static int register_release(struct trampfd_trail *trail)
{
    int error;

    pthread_once(&release_key_once, make_release_key);
    if (release_key_error)
        return tfd_trail_add(trail, "end of thread", "pthread_key_create", release_key_error);
    error = pthread_setspecific(release_key, &thread);
    return error ? tfd_trail_add(trail, "end of thread", "pthread_setspecific", error) : 0;
}

static _Noreturn void refuse(const struct trampfd_trail *trail)
{
    tfd_fatal_trail("cannot make a pointer to a nested function", trail);
}

static void know_thread(void)
{
    struct trampfd_trail trail;

    if (thread.is_known)
        return;
    trail.count = 0;
    if (register_release(&trail))
        refuse(&trail);
    find_stack();
    thread.is_known = 1;
}

static int is_on_own_stack(uintptr_t address)
{
    return address - thread.low < thread.high - thread.low;
}

/*
 * Drops pointers of functions that were left, as seen from a call at `here`: those of inner frames,
 * and the one with this `target` and this `chain`, which a function makes once and then deletes.
 * Stops at the first pointer of an outer function.
 */
static void drop_left(uintptr_t here, const void *chain, tfd_entry *target)
{
    int compare = is_on_own_stack(here);
    union tfd_record **at = &thread.newest;

    while (*at) {
        union tfd_record *record = *at;
        int is_comparable = compare && is_on_own_stack(record->chain.high);

        if ((is_comparable && record->chain.high < here)
            || (record->chain.chain == chain && record->chain.target == target)) {
            drop(at);
            continue;
        }
        if (is_comparable && record->chain.high > (uintptr_t)chain)
            break;
        at = &record->chain.older;
    }
}

/* The newest pointer on the thread's own stack; after drop_left() it is the calling function's. */
static union tfd_record **find_on_own_stack(void)
{
    union tfd_record **at = &thread.newest;

    while (*at && !is_on_own_stack((*at)->chain.high))
        at = &(*at)->chain.older;
    return at;
}

/* On another stack: the newest pointer of the frame that is nearest. */
static union tfd_record **find_nearest(uintptr_t here)
{
    union tfd_record **at = &thread.newest;
    uintptr_t nearest = UINTPTR_MAX;

    for (union tfd_record *record = *at; record; record = record->chain.older)
        if (record->chain.high >= here && record->chain.high < nearest)
            nearest = record->chain.high;
    while (*at && ((*at)->chain.high < nearest || (*at)->chain.low > nearest))
        at = &(*at)->chain.older;
    return at;
}

/* The chain, unless a sanitizer keeps the function's variables off its stack. */
static uintptr_t high_address(uintptr_t chain, uintptr_t here)
{
    return chain >= here && is_on_own_stack(chain) == is_on_own_stack(here) ? chain : here;
}

static void push(union tfd_record *record, void *pointer)
{
    struct trampfd_trail trail;
    struct tfd_slot slot;

    trail.count = 0;
    slot = tfd_pool_make(TFD_STATE_CHAIN, record, &trail);
    if (!slot.block)
        refuse(&trail);
    thread.newest = tfd_slot_shadow(slot);
    *(const void **)pointer = tfd_slot_code(slot);
}

void __gcc_nested_func_ptr_created(void *chain, void *function, void *pointer)
{
    uintptr_t here = (uintptr_t)__builtin_dwarf_cfa();
    tfd_entry *target = (tfd_entry *)(uintptr_t)function;

    know_thread();
    drop_left(here, chain, target);
    push(&(union tfd_record){.chain = {.entry = tfd_entry_chain,
                                       .chain = chain,
                                       .target = target,
                                       .older = thread.newest,
                                       .low = here,
                                       .high = high_address((uintptr_t)chain, here)}},
         pointer);
}

void __gcc_nested_func_ptr_deleted(void)
{
    uintptr_t here = (uintptr_t)__builtin_dwarf_cfa();
    union tfd_record **at;

    if (is_on_own_stack(here)) {
        drop_left(here, NULL, NULL);
        at = find_on_own_stack();
    } else {
        at = find_nearest(here);
    }
    if (!*at)
        tfd_fatal("nested function returned without a trampoline on this thread", NULL);
    drop(at);
}

const struct tfd_entries tfd_entries_chain = {
    .first = (uintptr_t)tfd_entry_chain,
    .count = 1,
    .below_stack = 1,
};
