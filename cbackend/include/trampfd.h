/* SPDX-License-Identifier: MIT */
/*
 * trampfd.h - closures without memory that is writable and executable.
 *
 * A closure is a C function pointer made at run time.  trampfd hands out
 * addresses inside code pages that already exist (slots) and keeps what
 * differs from closure to closure in a 64-byte record, which is data.
 *
 * Common to all functions
 *   Threads: every function may be called from any thread at any time, but
 *     not from a signal handler.  Calling a closure takes no lock.
 *   Fork:    parent and child own separate closures after fork(2); the child
 *     may allocate, call and free, even when other threads of the parent were
 *     in the middle of it.  (After a bare _Fork(3) or clone(2) only calling is
 *     safe, as with malloc(3).)
 *   Errors:  functions that return int return 0 or a negative errno value, and
 *     write their out-parameters only on success.
 */
#ifndef TRAMPFD_H
#define TRAMPFD_H

#include <stddef.h>
#include <stdint.h>
#include <ffi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRAMPFD_API __attribute__((visibility("default")))

/*
 * What a closure calls, exactly as for libffi's closures: `result` has room
 * for the return value (at least sizeof(ffi_arg); integers narrower than that
 * are stored as ffi_arg), `arguments[i]` points to the i-th argument.
 */
typedef void (*trampfd_handler)(ffi_cif *cif, void *result, void **arguments, void *user_data);

/*
 * One step on the way to a block of slots: which way was tried, which call or
 * check decided, and its errno value (0: it worked).  Strings are static.
 */
struct trampfd_step {
    const char *way;
    const char *call;
    int error;
};

#define TRAMPFD_TRAIL_MAX 16

/* Steps in the order they were taken.  Steps beyond the maximum are dropped. */
struct trampfd_trail {
    unsigned count;
    struct trampfd_step steps[TRAMPFD_TRAIL_MAX];
};

/*
 * Write "way: call: reason; way: call: reason" of all failed steps into
 * `buffer` (at most `size` bytes with the final NUL).  Returns the length the
 * whole text has, as snprintf(3) does.
 */
TRAMPFD_API size_t trampfd_trail_format(const struct trampfd_trail *trail, char *buffer,
                                        size_t size);

/*
 * Allocate a closure.  Returns `size` bytes of writable memory (malloc
 * alignment; never less than sizeof(ffi_closure), whatever `size` is) and
 * stores the function pointer in `*code`.  The memory belongs to the caller
 * until trampfd_closure_free(); calling the pointer before
 * trampfd_closure_prep() ends the process with a message.
 *
 * Returns NULL with errno set when there is no slot (or no memory): EINVAL for
 * an unknown TRAMPFD_BACKEND, else the errno of the last way tried.  `trail`,
 * unless NULL, then holds every way tried; it is emptied first.
 */
TRAMPFD_API void *trampfd_closure_alloc(size_t size, void **code, struct trampfd_trail *trail);

/*
 * Make the closure call `fun(cif, result, arguments, user_data)`.  `closure`
 * is what trampfd_closure_alloc() returned; `cif` must stay valid until the
 * closure is freed and no call is under way.  May be called again to retarget
 * the closure, but not while other threads call it.
 *
 * Errors: EINVAL, `closure` is not a live closure of this library;
 * ENOTSUP, libffi cannot make a closure for the cif's ABI.
 */
TRAMPFD_API int trampfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun,
                                     void *user_data);

/*
 * Give a closure back; `closure` is the writable address, NULL is ignored.  A
 * call through its function pointer from now on ends the process with a
 * message, until the slot is handed out again; without one (SIGSEGV) once all
 * closures of its block were freed and the block was given back, and then only
 * as long as nothing else is mapped there.  A closure may be freed inside its
 * own call: that call still returns.
 *
 * An address that is not a live closure (freed twice, never allocated, the
 * function pointer instead of the writable address) is reported on standard
 * error and ends the process, as with free(3).
 *
 * trampfd_closure_free_named() also leaves a name (at most 39 bytes are kept)
 * for that message.
 */
TRAMPFD_API void trampfd_closure_free(void *closure);
TRAMPFD_API void trampfd_closure_free_named(void *closure, const char *name);

enum trampfd_position {
    TRAMPFD_FIRST,
    TRAMPFD_LAST,
};

/*
 * Make a function pointer that calls `function` with one argument more than it
 * was called with: `data`, put before the first (TRAMPFD_FIRST) or after the
 * last one (TRAMPFD_LAST).  For C interfaces that call back without user data.
 * Where all arguments of `function` are passed in registers this is a few
 * instructions and a jump; otherwise libffi makes the call.
 *
 * `cif` describes `function` with all its arguments, and must stay valid until
 * the bound function is freed and no call is under way.  The argument that is
 * bound must be a pointer or an integer; for an integer `data` is
 * (void *)(intptr_t)value.  A variadic function can be bound to one list of
 * argument types, that of the cif; arguments that C passes beyond it are lost.
 *
 * Returns what trampfd_closure_free() takes and stores the function pointer in
 * `*code`.  What `data` points to stays the caller's.
 *
 * Returns NULL with errno set: EINVAL, `function` is NULL, the position is
 * unknown, or the cif has no argument there that is a pointer or an integer;
 * ENOTSUP, libffi has to make the call and cannot (no closures for the cif's
 * ABI, or arguments that it is known to garble); else as
 * trampfd_closure_alloc(), and `trail` as there.
 */
TRAMPFD_API void *trampfd_bind(ffi_cif *cif, void (*function)(void), void *data,
                               enum trampfd_position position, void **code,
                               struct trampfd_trail *trail);

/* Where a function pointer made by this library lies. */
struct trampfd_slot {
    const char *provider; /* "table", "trampfd" or "trampfd-user" */
    const char *source;   /* "built in", "own file", "memfd"; else as the provider */
    const void *block;    /* lowest code address of the block of slots */
    unsigned index;       /* slot number within the block */
    const void *record;   /* the record that the slot reads, as the process sees it */
};

/* Errors: ENOENT, `code` is not the start of a slot of this library. */
TRAMPFD_API int trampfd_slot_find(const void *code, struct trampfd_slot *slot);

enum trampfd_entry {
    TRAMPFD_ENTRY_DEAD,   /* free, or allocated and not prepared */
    TRAMPFD_ENTRY_LIBFFI, /* marshalled by libffi */
    TRAMPFD_ENTRY_PLAN,   /* marshalled by a plan of the signature */
    TRAMPFD_ENTRY_BOUND,  /* a bound function; cif and fun are NULL, user_data is what is bound */
};

/* A closure's record, read back from the provider that holds it. */
struct trampfd_closure {
    enum trampfd_entry entry;
    int allocated;        /* 0: the slot is free and the fields below are zero */
    void *closure;        /* the writable address */
    ffi_cif *cif;
    trampfd_handler fun;
    void *user_data;
};

/* Errors: ENOENT, `code` is not the start of a slot of this library. */
TRAMPFD_API int trampfd_closure_read(const void *code, struct trampfd_closure *closure);

/* A word of a record, or the slot's code ("code", no values), that is not as it should be. */
struct trampfd_difference {
    const char *what; /* "entry", "plan", "dispatch", "tail", "cif", "fun", "user_data", ... */
    uintptr_t wanted, found;
};

#define TRAMPFD_DIFFERENCES_MAX 8

struct trampfd_verdict {
    const char *provider; /* that holds the record */
    const void *record;   /* where the slot reads it; NULL: the kernel hands it over */
    unsigned count;       /* 0: the closure is as asked for */
    struct trampfd_difference differences[TRAMPFD_DIFFERENCES_MAX];
};

/*
 * Compare a closure with what its owner asked for in trampfd_closure_prep(): the record that
 * the provider holds, and the code of the slot.  A defence against stray and hostile stores: what
 * is passed here should come from elsewhere than the closure.  What the record points to (the cif,
 * the plan, the user data) is not looked at.
 *
 * Errors: ENOENT, `code` is not the start of a slot of this library; ENOTSUP, no closure can be
 * made for the cif's ABI; ESTALE, the program closed the descriptor that the record is read by
 * ("trampfd-user"); others as read(2) gives them.
 */
TRAMPFD_API int trampfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun,
                                       void *user_data, struct trampfd_verdict *verdict);

/* Where closures come from, and how many there are. */
struct trampfd_status {
    const char *provider;       /* of the newest block; before, the one to be tried first;
                                   "none" when TRAMPFD_BACKEND names none */
    size_t blocks_built_in;     /* blocks of TRAMPFD_BLOCK_SLOTS slots, by source */
    size_t blocks_own_file;
    size_t blocks_memfd;
    size_t blocks_trampfd;      /* the kernel's, table type */
    size_t blocks_trampfd_user; /* the kernel's, user type */
    size_t slots_used;
    size_t slots_free;          /* in the blocks that exist */
    size_t code_bytes;          /* address space of the slots */
    size_t record_bytes;        /* address space of the records; touched only when used */
    size_t plans;               /* signatures compiled, shared by their closures */
    size_t without_plan;        /* closures prepared so far that only libffi can marshal */
    struct trampfd_trail trail; /* ways refused when the newest block was made */
};

#define TRAMPFD_BLOCK_SLOTS 4096

/* Never fails; before the first closure every count is 0. */
TRAMPFD_API void trampfd_status_read(struct trampfd_status *status);

/*
 * Try every way to make a block, whether or not an earlier one works, and give
 * back what was made.  Each way ends with one step in `trail`: error 0, or the
 * call that was refused.
 */
TRAMPFD_API void trampfd_probe(struct trampfd_trail *trail);

#ifdef __cplusplus
}
#endif

#endif
