/* SPDX-License-Identifier: MIT */
/*
 * trampfd.h - closures without memory that is writable and executable.
 *
 * A closure is a C function pointer made at run time.  trampfd hands out
 * addresses inside code pages that already exist (slots) and keeps what
 * differs from closure to closure in a 64-byte record, which is data.
 *
 * Common to all functions
 *   Threads: every function may be called from any thread at any time.  Calling
 *     a closure takes no lock.
 *   Signals: a handler may call closures, and should call nothing else.  A
 *     handler that interrupted this library in the middle of a change in its own
 *     thread is refused, as the other way would be to wait for itself: functions
 *     fail with EDEADLK, trampfd_status_read() gives the counts of that moment,
 *     and functions that cannot fail, such as trampfd_closure_free(), end the
 *     process with a message.  A handler must not leave by longjmp(3) then.
 *   Fork:    parent and child own separate closures after fork(2); the child
 *     may allocate, call and free, even when other threads of the parent were
 *     in the middle of it, and so may pthread_atfork(3) handlers.  No lock is
 *     held meanwhile, so handlers may wait for threads that use this library;
 *     those that they start in the child must not use it before fork(2) returns
 *     there.  A closure that another thread was preparing or freeing at that
 *     moment is in the child as it was before, or as it was to be, or, with the
 *     provider "trampfd-user", absent: the kernel's object is shared from the
 *     fork on, and nobody can be kept from finishing a write that was begun.
 *     (After a bare _Fork(3) or clone(2) only calling is safe, as with
 *     malloc(3).  Closures of the provider "trampfd-user" are absent there, and,
 *     until they use this library, in a child's pthread_atfork(3) handlers that
 *     were registered before it was loaded.)
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
 * One attempt to make a block of slots, a closure or a trampoline: the source that was tried, the
 * call or check that decided, and its errno value (0: it worked).  Strings are static.
 */
struct trampfd_attempt {
    const char *source;
    const char *call;
    int error;
};

#define TRAMPFD_TRAIL_MAX 16

/* Attempts in the order they were made.  Attempts beyond the maximum are dropped. */
struct trampfd_trail {
    unsigned count;
    struct trampfd_attempt attempts[TRAMPFD_TRAIL_MAX];
};

/*
 * Write "source: call: reason; source: call: reason" of all failed attempts into `buffer` (at most
 * `size` bytes with the final NUL).  Returns the length of the whole text, as snprintf(3) does.
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
 * an unknown TRAMPFD_PROVIDER, EDEADLK (see Signals), else the errno of the last
 * attempt.  `trail`, unless NULL, then holds every attempt; it is emptied first.
 */
TRAMPFD_API void *trampfd_closure_alloc(size_t size, void **code, struct trampfd_trail *trail);

/*
 * Make the closure call `fun(cif, result, arguments, user_data)`.  `closure`
 * is what trampfd_closure_alloc() returned; `cif` must stay valid until the
 * closure is freed and no call is under way.  May be called again to retarget
 * the closure, but not while other threads call it.
 *
 * As with libffi, what is stored in closure->fun, ->user_data and ->cif later
 * counts at the next call (a cif of another signature ends the process with a
 * message), where the provider is "table".  The kernel's providers keep records
 * out of the reach of such stores on purpose: only this function changes them.
 *
 * Errors: EINVAL, `closure` is not a live closure of this library;
 * ENOTSUP, libffi cannot make a closure for the cif's ABI; EDEADLK (see
 * Signals).
 */
TRAMPFD_API int trampfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun,
                                     void *user_data);

/*
 * Give a closure back; `closure` is the writable address, NULL is ignored.  A
 * call through its function pointer from now on ends the process with a
 * message, until the slot is handed out again, which is put off until many
 * others were freed; without one (SIGSEGV) once all closures of its block were
 * freed and the block was given back, and then only as long as nothing else is
 * mapped there.  A closure may be freed inside its own call: that call still
 * returns, and so does one that another thread makes at the same time, as long
 * as what the caller owns (cif, user data) lives.
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

/* Errors: ENOENT, `code` is not the start of a slot of this library; EDEADLK (see Signals). */
TRAMPFD_API int trampfd_slot_find(const void *code, struct trampfd_slot *slot);

enum trampfd_entry {
    TRAMPFD_ENTRY_DEAD,    /* free, or allocated and not prepared */
    TRAMPFD_ENTRY_LIBFFI,  /* marshalled by libffi */
    TRAMPFD_ENTRY_PLAN,    /* marshalled by a plan of the signature */
    TRAMPFD_ENTRY_BOUND,   /* a bound function; cif and fun are NULL, user_data is what is bound */
    TRAMPFD_ENTRY_CONTEXT, /* no closure: the slot of a trampfd_trampoline */
    TRAMPFD_ENTRY_CHAIN,   /* no closure: a nested function, see __gcc_nested_func_ptr_created */
};

/* A closure's record, read back from the provider that holds it. */
struct trampfd_closure {
    enum trampfd_entry entry;
    int allocated; /* 0: the slot is free and the fields below are zero */
    void *closure; /* the writable address */
    ffi_cif *cif;
    trampfd_handler fun;
    void *user_data;
};

/* Errors: ENOENT, `code` is not the start of a slot of this library; EDEADLK (see Signals). */
TRAMPFD_API int trampfd_closure_read(const void *code, struct trampfd_closure *closure);

enum trampfd_change {
    TRAMPFD_CHANGED,
    TRAMPFD_MISSING, /* expected and not there; `found` is 0 */
    TRAMPFD_ADDED,   /* there and not expected; `wanted` is 0 */
};

/*
 * One part of a closure or trampoline that differs from what its owner asked for.  `what` (a static
 * string) is "code" (of the slot: 1 is unchanged) or names
 *   - a word of a closure's record: "entry", "plan", "dispatch", "tail", "cif", "fun", "user_data",
 *     or what the word is to other entries;
 *   - a part of a trampoline's context: "pc", a register, "stack flags", "stack offset", "stack
 *     size", "stack data" (`index` counts its bytes);
 *   - with the backend "context" also "entry" (what the slot jumps to), "steps" (where the record
 *     leads to), "step" (the code that applies step number `index`) and "stack" (where the step
 *     that stores stack data finds it).
 */
struct trampfd_difference {
    const char *what;
    unsigned index; /* 0 unless `what` says otherwise */
    enum trampfd_change change;
    uint64_t wanted, found;
};

#define TRAMPFD_DIFFERENCES_MAX 192

/* What a comparison found. */
struct trampfd_report {
    const char *provider; /* that holds the record, or the context of a trampoline */
    const void *record;   /* where the slot reads it; NULL: the kernel hands it over */
    unsigned count;       /* 0: unchanged */
    struct trampfd_difference differences[TRAMPFD_DIFFERENCES_MAX];
};

/*
 * Compare a closure with what its owner asked for in trampfd_closure_prep(): the record that
 * the provider holds, and the code of the slot.  This is a defence against stray and hostile
 * stores, so the arguments should not come from the closure itself.  What the record points to (the
 * cif, the plan, the user data) is not compared.
 *
 * Errors: ENOENT, `code` is not the start of a slot of this library; ENOTSUP, no closure can be
 * made for the cif's ABI; ESTALE, the program closed the descriptor that the record is read by
 * ("trampfd-user"); EDEADLK (see Signals); others as read(2) gives them.
 */
TRAMPFD_API int trampfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun,
                                       void *user_data, struct trampfd_report *report);

/*
 * The same for a bound function: `closure` and `code` are what trampfd_bind() gave for the
 * other values.  Where libffi makes the call, the record leads to memory that says what is called;
 * that is compared too ("function", "data", "index", "cif of the function").
 *
 * Errors: EINVAL and ENOTSUP as trampfd_bind(); others as trampfd_closure_verify().
 */
TRAMPFD_API int trampfd_bind_verify(void *closure, const void *code, ffi_cif *cif,
                                    void (*function)(void), void *data,
                                    enum trampfd_position position, struct trampfd_report *report);

/* Where closures come from, and how many there are. */
struct trampfd_status {
    const char *provider;   /* of the newest block; before, the one to be tried first;
                                   "none" when TRAMPFD_PROVIDER names none */
    size_t blocks_built_in; /* blocks of TRAMPFD_BLOCK_SLOTS slots, by source */
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
    struct trampfd_trail trail; /* attempts that failed when the newest block was made */
};

#define TRAMPFD_BLOCK_SLOTS 4096

/* Never fails; before the first closure every count is 0. */
TRAMPFD_API void trampfd_status_read(struct trampfd_status *status);

/*
 * Try to make a block from every source, whether or not an earlier one works, and free it again.
 * `trail` gets one attempt for each source: error 0, or the call that failed.
 */
TRAMPFD_API void trampfd_probe(struct trampfd_trail *trail);

/*
 * Trampolines: the low-level object of the trampfd proposal.
 *
 * A trampoline is a code address with a context: a call of it loads the registers of the
 * context, stores bytes on the stack if the context has any, and goes on at the PC.  Everything
 * else - the registers that are not named, the flags, the stack, the floating point state -
 * reaches the PC as the caller left it.  A context is fixed when its trampoline is created.
 *
 * Two backends make them:
 *
 * "trampfd-user": a descriptor of type TRAMPFD_USER, from a kernel that has trampfd.  The kernel
 *   holds the context; nothing in the process can be written to change it, but whoever can make
 *   system calls can write to the descriptor, within the allowed PCs.  A call is a page fault.
 *
 * "context": an entry of that name applies the context in user space, through a slot of the
 *   closures' provider.  Same order, same rules for the stack, but:
 *   - r10, where the context does not name it, does not keep the caller's value: slots use it.
 *   - Where the context names r10, 8 bytes of the 128 below the stack pointer that the PC sees
 *     (at -8, or at -128 where stack data without TRAMPFD_SET_SP lies near the stack pointer)
 *     are overwritten.  That is no harm to a call; it is to a jump from code that uses its
 *     red zone.
 *   - Stack data needs some 450 bytes of stack below the caller's.  Where they are not there the
 *     fault is in trampfd's code with the stack pointer moved; the kernel has it at the
 *     trampoline with nothing changed.
 *   - A signal or a debugger may see a context half applied.
 *   - Nothing protects the context: it lies in writable memory of the process.  Allowed PCs are
 *     checked once, at creation; there is no descriptor that could be written later.
 */

/* Limits of the proposal, equal to those of <linux/trampfd.h>. */
#define TRAMPFD_MAX_REGS 40
#define TRAMPFD_MAX_DATA_SIZE 64
#define TRAMPFD_MAX_STACK_OFFSET 256
#define TRAMPFD_MAX_PCS 16
#define TRAMPFD_SET_SP 0x1

/* A register by its name, without a prefix ("rdi"), and the value that is loaded. */
struct trampfd_register {
    const char *name;
    uint64_t value;
};

/*
 * What a trampoline does.  With SP for the stack pointer on entry, the stack data goes to
 * base = SP - stack_offset - stack_size.  With TRAMPFD_SET_SP, base is first lowered to where
 * SP may be on entry of a function (x86-64: rounded down to 16, minus 8) and SP becomes base; the
 * return address of a caller is then above the data.  Without it the data is below SP, where it
 * outlives signals in the red zone only.  Pass an offset of 128 or more to jump from code that
 * uses its red zone.
 */
struct trampfd_context {
    void *pc;                                       /* where to go on; not NULL */
    unsigned nregs;                                 /* registers that are used of: */
    struct trampfd_register regs[TRAMPFD_MAX_REGS]; /* each name at most once, none the PC */
    unsigned stack_flags;                           /* TRAMPFD_SET_SP or 0 */
    unsigned stack_offset;                          /* at most TRAMPFD_MAX_STACK_OFFSET bytes */
    unsigned stack_size;                            /* bytes of data; 0: no stack context */
    unsigned char stack_data[TRAMPFD_MAX_DATA_SIZE];
};

/* The PCs that a context may have; none: any. */
struct trampfd_allowed {
    unsigned npcs;
    void *pcs[TRAMPFD_MAX_PCS];
};

/* The registers that contexts can name on this CPU, by index from 0; NULL beyond the last. */
TRAMPFD_API const char *trampfd_register_name(unsigned index);

struct trampfd_trampoline;

/*
 * Create a trampoline.  The arguments are copied.  `allowed` may be NULL; if not, and with the
 * kernel's backend, the list is also locked for good in the descriptor, so that no other PC can
 * be written there.  `backend` is "trampfd-user", "context", or "auto" or NULL for the first of
 * these that is there and works; TRAMPFD_PROVIDER is about closures and is not looked at.
 *
 * Returns NULL with errno set, and every attempt on `trail` (emptied first) unless that is
 * NULL.  EINVAL: the context or the list breaks a rule above (the trail says which), the kernel
 * finds that `pc` is no address of user space, or there is no backend of that name.  EPERM: `pc`
 * is not in the list.  ENOMEM.  "context": as trampfd_closure_alloc().  "trampfd-user": that of
 * open(2) on /dev/trampfd (ENOENT where there is no such kernel, EACCES), ENOTSUP for a kernel
 * whose trampfd is of another version or lacks the type, EDQUOT, EMFILE, ENFILE, and that of
 * mmap(2).
 *
 * Fork: a trampoline of "context" works in the child, which has its own copy.  One of
 * "trampfd-user" does not: its mapping is absent in the child and a call there is SIGSEGV;
 * all the child can do with the object is to ask its address, backend and descriptor and to
 * destroy its own copy of it.
 */
TRAMPFD_API struct trampfd_trampoline *
trampfd_trampoline_create(const struct trampfd_context *context,
                          const struct trampfd_allowed *allowed, const char *backend,
                          struct trampfd_trail *trail);

/*
 * Destroy a trampoline; NULL is ignored.  It may be destroyed inside its own call, but not while
 * another thread is between the call and the PC.  Calling its address afterwards is a use after
 * free: "context" ends the process with a message as long as the slot is free, the
 * kernel's gives SIGSEGV as long as nothing else is mapped there.
 */
TRAMPFD_API void trampfd_trampoline_destroy(struct trampfd_trampoline *trampoline);

/* The address to call. */
TRAMPFD_API void *trampfd_trampoline_address(const struct trampfd_trampoline *trampoline);

/* "trampfd-user" or "context". */
TRAMPFD_API const char *trampfd_trampoline_backend(const struct trampfd_trampoline *trampoline);

/*
 * The descriptor of the kernel's backend (close-on-exec, owned by the trampoline: never close
 * it), or -1.  What is written to it changes the trampoline behind the object's back, which
 * trampfd_trampoline_verify() then reports.
 */
TRAMPFD_API int trampfd_trampoline_descriptor(const struct trampfd_trampoline *trampoline);

/*
 * Read the context back from where calls take it: the kernel, or the record and what it leads
 * to.  Names are static strings.  Errors: EXDEV, this process is a fork's child and has no
 * mapping of the trampoline ("trampfd-user"); ESTALE, somebody else closed its descriptor
 * ("trampfd-user"; it can still be called); EBADMSG, its memory was overwritten with what is no
 * context ("context"); that of pread(2).
 */
TRAMPFD_API int trampfd_trampoline_read(const struct trampfd_trampoline *trampoline,
                                        struct trampfd_context *context);

/*
 * Compare what calls take with what was asked for.  What was asked for is kept in the memory of
 * the process: an attacker must change both copies consistently to go unnoticed.  Errors: EXDEV,
 * ESTALE and that of pread(2), as trampfd_trampoline_read().
 */
TRAMPFD_API int trampfd_trampoline_verify(const struct trampfd_trampoline *trampoline,
                                          struct trampfd_report *report);

#ifdef __cplusplus
}
#endif

#endif
