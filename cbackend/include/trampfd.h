/* SPDX-License-Identifier: MIT */
/*
 * trampfd.h - closures without memory that is writable and executable.
 *
 * A closure is a C function pointer that is made at run time.  trampfd returns addresses inside
 * code pages that already exist (slots) and keeps what differs between closures in a record of
 * eight words, which is data.
 *
 * Common to all functions
 *   Threads: every function may be called from any thread at any time.  Calling
 *     a closure takes no lock.
 *   Signals: a handler may call closures, and should call nothing else.  If a handler interrupted
 *     this library during a change in the same thread, it would have to wait for itself, so its
 *     calls are refused: functions fail with EDEADLK, trampfd_status_read() returns the counts of
 *     that moment, and functions that cannot fail, such as trampfd_closure_free(), end the process
 *     with a message.  Such a handler must not leave by longjmp(3).
 *   Fork:    parent and child own separate closures after fork(2).  The child may allocate, call
 *     and free closures, even if other threads of the parent were using this library, and so may
 *     pthread_atfork(3) handlers.  No lock is held during the fork, so these handlers may wait for
 *     threads that use this library; threads that they start in the child must not use it before
 *     fork(2) returns there.  If another thread was preparing or freeing a closure at that moment,
 *     the child has it either as it was before or as it was to be.  With the provider
 *     "trampfd-user" the child may lack it: the kernel's object is shared from the fork on, and a
 *     write that was begun cannot be held up.
 *     (After a bare _Fork(3) or clone(2) only calls are safe, as with malloc(3).  Closures of the
 *     provider "trampfd-user" do not exist in such a child.  Neither do they exist in a child's
 *     pthread_atfork(3) handlers that were registered before this library was loaded, until one of
 *     these handlers uses it.)
 *   Errors:  functions that return int return 0 or a negative errno value, and write their
 *     out-parameters only on success.
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
 * The function that a closure calls, exactly as for libffi's closures: `result` has room for the
 * return value (at least sizeof(ffi_arg); narrower integers are stored as ffi_arg), and
 * `arguments[i]` points to the i-th argument.
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
 * Allocate a closure.  Returns `size` bytes of writable memory (with the alignment of malloc(3),
 * and at least sizeof(ffi_closure) bytes) and stores the function pointer in `*code`.  The memory
 * belongs to the caller until trampfd_closure_free(); calling the pointer before
 * trampfd_closure_prep() ends the process with a message.
 *
 * Returns NULL with errno set if no slot or no memory is available: EINVAL for an unknown
 * TRAMPFD_PROVIDER, EDEADLK (see Signals), else the errno of the last
 * attempt.  `trail`, unless NULL, then holds every attempt; it is emptied first.
 */
TRAMPFD_API void *trampfd_closure_alloc(size_t size, void **code, struct trampfd_trail *trail);

/*
 * Make the closure call `fun(cif, result, arguments, user_data)`.  `closure` is the address that
 * trampfd_closure_alloc() returned; `cif` must stay valid until the closure is freed and no call is
 * in progress.  May be called again to retarget the closure, but not while other threads call it.
 *
 * With the provider "table", as with libffi, values that are stored in closure->fun, ->user_data
 * and ->cif later take effect at the next call (a cif of another signature ends the process with a
 * message).  The other providers deliberately keep records out of the reach of such stores: only this
 * function changes them.
 *
 * Errors: EINVAL, `closure` is not a live closure of this library; EPERM, it is permanent; ENOTSUP,
 * libffi cannot make a closure for the cif's ABI; EDEADLK (see Signals).
 */
TRAMPFD_API int trampfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun,
                                     void *user_data);

/*
 * Keep a closure, which is prepared, as it is until the process ends or executes another program: it
 * cannot be prepared again (EPERM), and freeing it is reported as an error and ends the process.
 * Doing this twice is allowed.
 *
 * With the providers "trampfd" and "trampfd-user" the kernel makes the record final
 * (TRAMPFD_IOC_FREEZE): no request of this process, and none of its children, changes where the
 * closure goes.  If the records are sealed (see trampfd_seal()) and the kernel is Linux 6.10 or later,
 * "trampfd" also lets nobody map anything in place of the closure.  The other providers have
 * nothing of that kind: with them, this only keeps the program itself from changing the closure.
 * trampfd_slot_find() tells the provider.  What the record points to (cif, user data) stays memory
 * of the caller.
 *
 * Threads: other threads may call the closure meanwhile, but not prepare or free it.
 * Fork: the closure is permanent in the child, too.  With "trampfd-user" the child makes a record of
 * its own, which it makes final before fork(2) returns.
 *
 * Returns 0 or a negative errno, and then nothing has changed: EINVAL, `closure` is not a live
 * closure of this library, or is not prepared; ENOTSUP, it is larger than ffi_closure; EDEADLK (see
 * Signals); ESTALE, the program closed the descriptor of the record and mapped something else in
 * its place ("trampfd-user": closed the descriptor); else the kernel's error.
 */
TRAMPFD_API int trampfd_closure_make_permanent(void *closure);

/*
 * Free a closure; `closure` is the writable address, and NULL is ignored.  From now on a call
 * through its function pointer ends the process with a message, until the slot is reused, which
 * happens only after many others were freed.  Once all closures of a block were freed, its memory
 * may be given back, but not its code.  (The kernel's providers unmap the block, as does any other
 * where the kernel refuses mremap(2): a call is then a SIGSEGV, as long as nothing else is mapped
 * there.)  A closure may be freed inside its own call: that call still returns, and so does a call
 * that another thread makes at the same time, as long as what the caller owns (cif, user data)
 * exists.
 *
 * An address that is not a live closure (freed twice, never allocated, the function pointer instead
 * of the writable address) is reported on standard error and ends the process, as with free(3).
 *
 * trampfd_closure_free_named() also keeps a name for that message: at most 39 bytes of it, 319 with
 * TRAMPFD_DEBUG=1.
 */
TRAMPFD_API void trampfd_closure_free(void *closure);
TRAMPFD_API void trampfd_closure_free_named(void *closure, const char *name);

/*
 * Reserve `count` closures: map the blocks of slots that they take, and allocate what goes with
 * these, before the process gives up the right to do so (seccomp(2), RLIMIT_AS).  Without it, each
 * 4,096th closure may call openat(2), pread(2), mmap(2), munmap(2), madvise(2), memfd_create(2) and
 * what malloc(3) calls, and a freed one munmap(2).
 *
 * From then on, as long as no more than `count` closures live besides those that live now, a
 * closure of at most sizeof(ffi_closure) bytes is allocated, prepared, called and freed without a
 * system call, in any thread, however many were made and freed before; but for futex(2), where
 * threads wait for each other.  The first use of a record is a page fault.  This holds for all that
 * takes a slot: bound functions, trampolines of the backend "context" and nested functions count
 * as closures.  It does not hold for
 *   - the page of a trampoline with the backend "context" (mmap(2), mprotect(2) and munmap(2); where
 *     the kernel refuses one of the first two, there is no trampoline);
 *   - memory of malloc(3): larger closures, bound functions that libffi calls, trampolines, a
 *     thread's first closure in a process with more than 30 keys of pthread_key_create(3), and the
 *     plan of a signature, which is made when the first closure of the signature is prepared (with
 *     mprotect(2), too; where the kernel refuses that, the plan stays in memory that can be written),
 *     and freed when hundreds of plans are not in use.  Prepare and free one of each signature before;
 *   - the provider "sealed", where each closure is prepared and freed by lseek(2), getrlimit(2) and
 *     pwrite(2) of a descriptor, and the first of them after a fork copies all records to a new file
 *     (memfd_create(2), ftruncate(2), openat(2), mmap(2) and close(2), too);
 *   - the provider "trampfd", where each closure is prepared and freed by ioctl(2) of a
 *     descriptor, and "trampfd-user", where each has a descriptor, which is made when its slot is
 *     first used (openat(2), ioctl(2), fcntl(2), mmap(2) and close(2), too).  Their blocks are
 *     mapped ahead all the same.
 *
 * Blocks of a reservation stay mapped when all their closures are freed.  It lasts until the next
 * call of this function, which replaces it: a smaller number gives back the blocks that are empty
 * and not needed any more, and 0 ends it; one empty block is kept in any case.  A reservation takes
 * about 130 bytes of address space for a closure, and memory for those records only that are used.
 *
 * Threads: the reservation is that of the process, and other threads that need a block wait
 * meanwhile.  While it lasts, only the next 16 threads that make a first closure get slots in store;
 * others take a lock for each closure.
 * Fork: the child has the same reservation of its own; with "trampfd-user" the fork itself makes
 * the descriptors of closures anew.  If another thread was mapping or unmapping a block at that
 * moment, the child may lack that block.
 *
 * `trail`, unless NULL, is emptied first, and holds what was refused for the last block.
 *
 * Errors, after which the former reservation is in force and blocks that were mapped meanwhile are
 * given back: ENOMEM, no memory or address space, or more mappings than vm.max_map_count permits;
 * EINVAL for an unknown TRAMPFD_PROVIDER; EDEADLK (see Signals); else that of the last attempt, as
 * for trampfd_closure_alloc().
 */
TRAMPFD_API int trampfd_reserve(size_t count, struct trampfd_trail *trail);

enum trampfd_position {
    TRAMPFD_FIRST,
    TRAMPFD_LAST,
};

/*
 * Make a function pointer that calls `function` with one additional argument: `data`, before the
 * first argument (TRAMPFD_FIRST) or after the last one (TRAMPFD_LAST).  This is for C interfaces
 * that call back without user data.  If all arguments of `function` are passed in registers, a call
 * takes a few instructions and a jump; otherwise libffi makes the call.
 *
 * `cif` describes `function` with all its arguments, and must stay valid until the bound function
 * is freed and no call is in progress.  The bound argument must be a pointer or an integer; for an
 * integer `data` is (void *)(intptr_t)value.  A variadic function can be bound to one list of
 * argument types, that of the cif; arguments that C passes beyond it are lost.
 *
 * Returns the address to pass to trampfd_closure_free(), and stores the function pointer in
 * `*code`.  The caller keeps ownership of what `data` points to.
 *
 * Returns NULL with errno set: EINVAL, `function` is NULL, the position is unknown, or the cif has
 * no pointer or integer argument there; ENOTSUP, libffi has to make the call but cannot (it has no
 * closures for the cif's ABI, or is known to pass such arguments incorrectly); else as
 * trampfd_closure_alloc(), and `trail` as there.
 */
TRAMPFD_API void *trampfd_bind(ffi_cif *cif, void (*function)(void), void *data,
                               enum trampfd_position position, void **code,
                               struct trampfd_trail *trail);

/* The slot of a function pointer that this library made. */
struct trampfd_slot {
    const char *provider; /* "table", "sealed", "trampfd" or "trampfd-user" */
    const char *source;   /* "built in", "own file", "memfd"; else the name of the provider */
    const void *block;    /* lowest code address of the block of slots */
    unsigned index;       /* slot number within the block */
    const void *record;   /* the record that the slot reads, as the process sees it */
};

/* Errors: ENOENT, `code` is not the start of a slot of this library; EDEADLK (see Signals). */
TRAMPFD_API int trampfd_slot_find(const void *code, struct trampfd_slot *slot);

enum trampfd_entry {
    TRAMPFD_ENTRY_DEAD,    /* free, or allocated but not prepared */
    TRAMPFD_ENTRY_LIBFFI,  /* libffi marshals the arguments */
    TRAMPFD_ENTRY_PLAN,    /* a plan of the signature marshals the arguments */
    TRAMPFD_ENTRY_BOUND,   /* a bound function; cif and fun are NULL, user_data is the argument */
    TRAMPFD_ENTRY_CONTEXT, /* not a closure: a trampfd_trampoline */
    TRAMPFD_ENTRY_CHAIN,   /* not a closure: a nested function of GCC, see trampfd(3) */
};

/* A closure, as its record says, read from the provider that holds it. */
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
 *   - a part of the plan of the closure's signature, which other closures of it share: "plan: entry",
 *     "plan: tail", "plan: direct entry", "plan: dispatch", "plan: result" (its kind), "plan: result
 *     offset", "plan: result in memory", "plan: arguments" (their number), "plan: argument" (the
 *     offset of argument number `index`), "plan: gathered arguments" (their number) and "plan:
 *     gathers" (the address of what follows), and of gathered argument number `index` "plan: gathered
 *     argument", "plan: pieces" and "plan: piece size", and "plan: piece" (the offset of piece
 *     `index` modulo 4 of gathered argument `index` / 4);
 *   - with trampfd_verify_all() also "plan: key" (the plan no longer says of which signature it is;
 *     what is wanted is not known) and "record" (missing: the program closed the descriptor through
 *     which it is read, "trampfd-user");
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
 * the provider holds, the code of the slot, and the plan of the signature with one that is compiled
 * anew from the cif.  This is a defence against stray and hostile stores, so the arguments should
 * not come from the closure itself.  What else the record points to (the cif, the user data) is not
 * compared.
 *
 * Errors: ENOMEM, for the plan; ENOENT, `code` is not the start of a slot of this library; ENOTSUP, no closure can be
 * made for the cif's ABI; ESTALE, the program closed the descriptor through which the record is
 * read ("trampfd-user"); EDEADLK (see Signals); others are those of read(2).
 */
TRAMPFD_API int trampfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun,
                                       void *user_data, struct trampfd_report *report);

/*
 * The same for a bound function: `closure` and `code` are what trampfd_bind() returned for the
 * other values.  If libffi makes the call, the record leads to memory that holds the target; that
 * is compared too ("function", "data", "index", "cif of the function").
 *
 * Errors: EINVAL and ENOTSUP as trampfd_bind(); others as trampfd_closure_verify().
 */
TRAMPFD_API int trampfd_bind_verify(void *closure, const void *code, ffi_cif *cif,
                                    void (*function)(void), void *data,
                                    enum trampfd_position position, struct trampfd_report *report);

/* Called for the function pointer `code` of a closure that differs; the report is valid meanwhile. */
typedef void (*trampfd_changed)(const void *code, const struct trampfd_report *report, void *data);

/*
 * Look at all slots that are in use, of closures, bound functions, nested functions and trampolines
 * of the backend "context", and call `changed(code, report, data)` for each that was changed.
 * `*checked`, unless `checked` is NULL, gets their number.
 *
 * What is compared is what the library decides itself, without knowing what the owner asked for: the
 * code of the slot; whether the entry is one for such a slot; and for closures the plan, its
 * dispatch and its tail, with a plan of the same signature that is compiled anew, or the handler by
 * which libffi calls.  Other entries, dispatches and plans are reported as TRAMPFD_ADDED.  What only
 * the owner knows (the cif, fun, user_data; the function and the argument of a bound function; the
 * context of a trampoline) is not compared: that is what trampfd_closure_verify() and the like are
 * for.  Nothing of that is read, so it may have been changed, too.
 *
 * The time is proportional to the number of slots in use, and at worst, where signatures take turns,
 * to that number times the number of signatures.
 *
 * Threads: the lock of the library is held while the slots are looked at, so threads that need it
 *   wait; it is not held when `changed` is called, which may call any function of this library.  A
 *   closure that another thread prepares at that moment may be reported.
 * Fork: the child may call it.  If another thread of the parent was compiling or forgetting a plan
 *   at the moment of the fork, the child does not compare plans of that time.
 *
 * Errors: ENOMEM; EDEADLK (see Signals).  `changed` may have been called for some by then.
 */
TRAMPFD_API int trampfd_verify_all(trampfd_changed changed, void *data, size_t *checked);

/* Where closures come from, and how many there are. */
struct trampfd_status {
    const char *provider;   /* of the newest block; before that, the one to be tried first;
                                   "none" if TRAMPFD_PROVIDER is not the name of one */
    size_t blocks_built_in; /* blocks of TRAMPFD_BLOCK_SLOTS slots, by source */
    size_t blocks_own_file;
    size_t blocks_memfd;
    size_t blocks_trampfd;      /* the kernel's, table type */
    size_t blocks_trampfd_user; /* the kernel's, user type */
    size_t slots_used;
    size_t slots_free;          /* in the blocks that exist */
    size_t code_bytes;          /* address space of the slots */
    size_t record_bytes;        /* address space of the records; memory is used on demand */
    size_t plans;               /* compiled signatures, shared by their closures */
    size_t without_plan;        /* closures prepared so far that need libffi to marshal */
    struct trampfd_trail trail; /* attempts that failed when the newest block was made */
};

#define TRAMPFD_BLOCK_SLOTS 4096

/* Never fails.  Every count is 0 before the first closure. */
TRAMPFD_API void trampfd_status_read(struct trampfd_status *status);

/*
 * Try to make a block from every source, whether or not an earlier one works, and free it again.
 * `trail` gets one attempt for each source: error 0, or the call that failed.
 */
TRAMPFD_API void trampfd_probe(struct trampfd_trail *trail);

/*
 * From now on, keep the records of closures where no store of the process reaches them, as with
 * TRAMPFD_SEAL=1 in the environment.  Making and freeing a closure then take system calls; calls
 * cost the same.  It cannot be taken back, and holds in children, too.
 *
 * Returns 0, or -EBUSY if closures of the provider "table" were made or reserved already, -EDEADLK in
 * a signal handler that interrupted this library.  Thread-safe.
 */
TRAMPFD_API int trampfd_seal(void);

/*
 * Trampolines: the low-level object of the trampfd proposal.
 *
 * A trampoline is a code address with a context: calling it loads the registers of the context,
 * stores bytes on the stack if the context has any, and jumps to the PC.  Everything else - the
 * registers that are not named, the flags, the stack, the floating point state - is preserved.  A
 * context is fixed when its trampoline is created.
 *
 * There are two backends:
 *
 * "trampfd-user": a descriptor of type TRAMPFD_USER, from a kernel that has trampfd.  The kernel
 *   holds the context.  No store in the process can change it, but a process that can make system
 *   calls can write to the descriptor, within the allowed PCs.  A call is a page fault.
 *
 * "context": an entry of that name applies the context in user space, through a slot of the
 *   closures' provider.  The order and the rules for the stack are the same, but:
 *   - If the context does not name r10, r10 does not keep the caller's value, because slots use it.
 *   - If the context names r10, 8 bytes of the 128 below the stack pointer that the PC sees (at -8,
 *     or at -128 if stack data without TRAMPFD_SET_SP lies near the stack pointer) are overwritten.
 *     This is harmless for a call, but not for a jump from code that uses its red zone.
 *   - Stack data needs about 450 bytes of stack below the caller's.  If the stack is too short, the
 *     fault happens in trampfd's code with the stack pointer moved; with the kernel's backend it
 *     happens at the trampoline with nothing changed.
 *   - A signal handler or a debugger may see a context that is partly applied.
 *   - Nothing protects the context, which lies in writable memory of the process.  Allowed PCs are
 *     checked once, at creation; there is no descriptor that could be written later.
 */

/* Limits of the proposal, equal to those of <linux/trampfd.h>. */
#define TRAMPFD_MAX_REGS 40
#define TRAMPFD_MAX_DATA_SIZE 64
#define TRAMPFD_MAX_STACK_OFFSET 256
#define TRAMPFD_MAX_PCS 16
#define TRAMPFD_SET_SP 0x1

/* The name of a register, without a prefix ("rdi"), and the value to load. */
struct trampfd_register {
    const char *name;
    uint64_t value;
};

/*
 * What a trampoline does.  With SP for the stack pointer on entry, the stack data goes to
 * base = SP - stack_offset - stack_size.  With TRAMPFD_SET_SP, base is first lowered to where
 * SP may be on entry of a function (x86-64: rounded down to 16, minus 8) and SP becomes base; the
 * return address of a caller is then above the data.  Without it the data is below SP, where
 * signals preserve only the red zone.  Pass an offset of at least 128 to jump from code that uses
 * its red zone.
 */
struct trampfd_context {
    void *pc;                                       /* where to jump; not NULL */
    unsigned nregs;                                 /* number of registers used in: */
    struct trampfd_register regs[TRAMPFD_MAX_REGS]; /* each name at most once, not the PC */
    unsigned stack_flags;                           /* TRAMPFD_SET_SP or 0 */
    unsigned stack_offset;                          /* at most TRAMPFD_MAX_STACK_OFFSET bytes */
    unsigned stack_size;                            /* bytes of data; 0: no stack context */
    unsigned char stack_data[TRAMPFD_MAX_DATA_SIZE];
};

/* The PCs that a context may have; any if the list is empty. */
struct trampfd_allowed {
    unsigned npcs;
    void *pcs[TRAMPFD_MAX_PCS];
};

/* The registers that contexts can name on this CPU, by index from 0; NULL beyond the last. */
TRAMPFD_API const char *trampfd_register_name(unsigned index);

struct trampfd_trampoline;

/*
 * Create a trampoline.  The arguments are copied.  `allowed` may be NULL; otherwise the kernel's
 * backend also locks the list permanently in the descriptor, so that no other PC can be written
 * there.  `backend` is "trampfd-user", "context", or "auto" or NULL for the first of these that
 * works.  TRAMPFD_PROVIDER is for closures and has no effect here.
 *
 * Returns NULL with errno set, and every attempt on `trail` (emptied first) unless that is
 * NULL.  EINVAL: the context or the list breaks a rule above (the trail says which), the kernel
 * finds that `pc` is not an address of user space, or no backend has that name.  EPERM: `pc`
 * is not in the list.  ENOMEM.  "context": as trampfd_closure_alloc(), and those of mmap(2) and
 * mprotect(2), for the page that its registers and stack data are on.  "trampfd-user": that of
 * open(2) on /dev/trampfd (ENOENT if the kernel does not have trampfd, EACCES), ENOTSUP if the
 * kernel's trampfd is of another version or lacks the type, EDQUOT, EMFILE, ENFILE, and those of
 * mmap(2).
 *
 * Fork: a trampoline of "context" works in the child, which has its own copy.  One of
 * "trampfd-user" does not: the child does not inherit its mapping, and a call there is a SIGSEGV.
 * The child can only ask for the address, the backend and the descriptor of the object, and
 * destroy its own copy of it.
 */
TRAMPFD_API struct trampfd_trampoline *
trampfd_trampoline_create(const struct trampfd_context *context,
                          const struct trampfd_allowed *allowed, const char *backend,
                          struct trampfd_trail *trail);

/*
 * Destroy a trampoline; NULL is ignored.  It may be destroyed inside its own call, but not while
 * another thread is between the call and the PC.  Calling its address afterwards is a use after
 * free: with "context" it ends the process with a message as long as the slot is free, with
 * "trampfd-user" it is a SIGSEGV as long as nothing else is mapped there.
 */
TRAMPFD_API void trampfd_trampoline_destroy(struct trampfd_trampoline *trampoline);

/* The address to call. */
TRAMPFD_API void *trampfd_trampoline_address(const struct trampfd_trampoline *trampoline);

/* "trampfd-user" or "context". */
TRAMPFD_API const char *trampfd_trampoline_backend(const struct trampfd_trampoline *trampoline);

/*
 * The descriptor of the kernel's backend (close-on-exec, owned by the trampoline: never close
 * it), or -1.  Writes to it change the trampoline; trampfd_trampoline_verify() reports that.
 */
TRAMPFD_API int trampfd_trampoline_descriptor(const struct trampfd_trampoline *trampoline);

/*
 * Read the context from the place where calls take it: the kernel, or the record and the memory it
 * leads to.  Names are static strings.  Errors: EXDEV, this process is the child of a fork and has
 * no mapping of the trampoline ("trampfd-user"); ESTALE, other code in this process closed its
 * descriptor ("trampfd-user"; it can still be called); EBADMSG, its memory was overwritten and is
 * not a context any more ("context"); those of pread(2).
 */
TRAMPFD_API int trampfd_trampoline_read(const struct trampfd_trampoline *trampoline,
                                        struct trampfd_context *context);

/*
 * Compare what calls take with what was asked for.  What was asked for is kept in the memory of
 * the process: an attacker must change both copies consistently to go unnoticed.  Errors: EXDEV,
 * ESTALE and those of pread(2), as trampfd_trampoline_read().
 */
TRAMPFD_API int trampfd_trampoline_verify(const struct trampfd_trampoline *trampoline,
                                          struct trampfd_report *report);

#ifdef __cplusplus
}
#endif

#endif
