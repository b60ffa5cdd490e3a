/* SPDX-License-Identifier: MIT */
/*
 * What a port to a CPU provides: the one contract between arch/<cpu>/ and the rest.
 *
 * A build compiles the files listed in arch/<cpu>/sources.txt, those of linked.txt if it is linked
 * with libffi, and those of preload.txt for the preload library, with that folder in the include
 * path; nothing else names a CPU.  For features that a port lacks, it lists files of arch/generic/,
 * which answer "no" instead.
 *
 *   cpu.h          TFD_PORT_HAS_SLOTS, 1; 0 with generic/no_slots.c;
 *                  TFD_SLOT_SIZE, bytes from one slot of a table to the next: a power of two with
 *                  which the code of a block fills a multiple of TFD_GRANULE;
 *                  TFD_PORT_PAGE_MAX, the largest page that a kernel for this CPU may have;
 *                  TFD_PORT_PROT_EXEC, the protection that mappings of code need;
 *                  TFD_PORT_LACKS_ABI(abi), is the static chain register an argument of this ABI of
 *                  libffi's, so that there are no closures for it?
 *                  TFD_PORT_IS_VARIADIC(cif), are arguments of this cif passed in another way than
 *                  ffi_prep_cif() would tell, so that there is no plan? (optional)
 *                  TFD_PORT_INT32, the type from which integers of 32 bits are widened to fill a
 *                  register, int32_t or uint32_t (the default);
 *                  TFD_PORT_RESULT_32 and TFD_PORT_RESULT_ADDRESS, offsets in the frame of a plan:
 *                  of results of these kinds (see closure/plan.h), 0 where there are no plans.
 *                  For C and for assembly.
 *   relocations.h  the relocations that store the address of a symbol in a word.
 *
 * Routines preserve all registers except the static chain register and those named below.  They are
 * aligned, typed and hidden, have unwind information, and start with the CPU's landing pad.
 */
#ifndef TFD_PORT_H
#define TFD_PORT_H

#include "slot/block.h"

#ifndef TFD_PORT_IS_VARIADIC
#define TFD_PORT_IS_VARIADIC(cif) 0
#endif

#ifndef TFD_PORT_INT32
#define TFD_PORT_INT32 uint32_t
#endif

struct tfd_plan;

/* Slots; or generic/no_slots.c, with which no closures are made. */

/*
 * TFD_SLOTS slots in the library's text, aligned to TFD_GRANULE.  Slot i puts the address of record
 * i in the static chain register and jumps to the entry in that record's first word.  It may use
 * a scratch register that carries no argument.  A slot finds its record at a fixed distance, so a
 * copy of the slots finds the records that lie at the same distance from it.
 */
extern const char tfd_slots[TFD_CODE_BYTES];

/* The records of the built-in slots; in provider/table.c. */
extern union tfd_record tfd_records[TFD_SLOTS];

/* Is the code at `slot` that of a slot whose record is at `record`? */
int tfd_port_slot_leads_to(const void *slot, const void *record);

/* Entries that every port has. */

/* Entry of free and of unprepared slots: calls tfd_dead_report(record). */
tfd_entry tfd_entry_dead;

/* Jumps to the record's target with the record's chain in the static chain register. */
tfd_entry tfd_entry_chain;

/* Plans; or generic/no_plan.c, with which libffi marshals every call. */

/*
 * Fill entry, tail, result, offsets and gathers (room for one per argument) of a zeroed plan whose
 * count is set, and `direct` where the port has such an entry.  Returns 0 for a signature that
 * libffi has to marshal.
 */
int tfd_port_plan(struct tfd_plan *plan, const ffi_cif *cif);

/*
 * Ends a call whose result, of one of the port's own kinds, is in its place.  Returns the integer
 * return registers; what the tail loads into other registers is put into the frame.
 */
struct tfd_return_words tfd_port_finish(unsigned kind, char *frame);

/* Aggregates with overlapping members: unions, and structures with bit fields. */

struct tfd_scalar {
    size_t offset;
    const ffi_type *type;
};

#define TFD_MEMBERS_MAX 8

/*
 * Finds the members of a structure of that size which libffi passes in the same way as C passes an
 * aggregate of these scalars.  Returns their number; 0 if the aggregate is passed in memory
 * regardless of its members.  Called only by the extension, which is linked with libffi.
 */
unsigned tfd_port_aggregate(size_t size, const struct tfd_scalar *scalars, size_t count,
                            ffi_type *members[TFD_MEMBERS_MAX]);

/* Bound functions; or generic/no_bind.c, with which libffi makes every call. */

/*
 * The entry that puts a record's user_data in the place of the first or last argument of the
 * plan's signature, and jumps to the record's function.  NULL if registers are not enough for that.
 * The plan and the cif are those of the function with all its arguments.
 */
tfd_entry *tfd_port_bind_entry(const struct tfd_plan *plan, const ffi_cif *cif,
                               enum trampfd_position position);

/* Is ffi_call() known to pass wrong arguments for this signature? */
int tfd_port_libffi_miscalls(const struct tfd_plan *plan, const ffi_cif *cif);

/* Contexts; or generic/no_context.c, with which only the kernel makes trampolines. */

/*
 * A register that contexts can name.  `load` is the step that loads it; NULL for the static chain
 * register, which points to the current step and is loaded by the last one.
 */
struct tfd_register {
    const char *name;
    uint32_t number; /* in the kernel's interface */
    tfd_entry *load;
};

extern const struct tfd_register tfd_port_registers[];
extern const unsigned tfd_port_register_count;

/* The number of the PC in the kernel's interface. */
extern const uint32_t tfd_port_pc;

/* The entry "context": jumps to the first of the record's steps.  NULL if the port lacks it. */
extern tfd_entry *const tfd_port_context;

/*
 * Step: stores stack data as trampfd.h describes; its value is the address of a struct tfd_stack.
 */
tfd_entry tfd_step_stack;

/*
 * The last step of a context: jumps to the PC, which is its value.  If the context names the static
 * chain register, that is loaded first, from the value of the following step.
 */
tfd_entry *tfd_port_last_step(const struct trampfd_context *context, int names_chain);

/*
 * The kernel's trampolines: those of a table (provider/device.c, provider/trampfd.c), or
 * generic/no_kernel.c; and TRAMPFD_USER (provider/trampfd_user.c, provider/user_context.c,
 * trampoline/kernel.c), for which the following is, or generic/no_user.c.
 */

/*
 * Jumps to the entry of the record that lies in the TFD_RECORD_SIZE bytes below the stack pointer,
 * with the record's address in the static chain register.
 */
tfd_entry tfd_entry_below_stack;

/* The static chain register's number in the kernel's interface. */
extern const uint32_t tfd_port_chain;

/* Code that libffi writes into closures, for the preload library; or generic/no_stock_code.c. */

/* The address in libffi that the code in `closure` jumps to; NULL if that code is unknown. */
const void *tfd_port_stock_code_target(const void *closure);

/*
 * Entry of a record whose closure.user_data is the memory of a closure that another libffi may have
 * prepared: does what the code there would do, or jumps to tfd_entry_dead if there is no code.
 * NULL: such closures are left to that libffi.
 */
extern tfd_entry *const tfd_port_foreign;

#endif
