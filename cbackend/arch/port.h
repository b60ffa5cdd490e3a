/* SPDX-License-Identifier: MIT */
/*
 * What a port to a CPU provides: the one contract between arch/<cpu>/ and the rest.
 *
 * A build takes the files that arch/<cpu>/sources.txt lists, those of linked.txt where it is linked
 * with libffi and those of preload.txt for the preload library, and has the folder on its path of
 * headers; nothing else names a CPU.  What a port does not have it takes from arch/generic/, whose
 * files say "no" in the place of the CPU's.
 *
 *   cpu.h          TFD_SLOT_SIZE, bytes from one slot of a table to the next: a power of two with
 *                  which the code of a block fills a multiple of TFD_GRANULE;
 *                  TFD_PORT_PAGE_MAX, the largest page that a kernel for this CPU may have;
 *                  TFD_PORT_PROT_EXEC, the protection that mappings of code need.
 *                  TFD_PORT_RESULT_32 and TFD_PORT_RESULT_ADDRESS, offsets in the frame of a plan:
 *                  of results of these kinds (see closure/plan.h), 0 where there are no plans.
 *                  For C and for assembly.
 *   relocations.h  the relocations that store the address of a symbol in a word.
 *
 * Routines preserve all registers but the static chain register and what is said below.  They are
 * aligned, typed, hidden, have unwind information, and start with the CPU's landing pad.
 */
#ifndef TFD_PORT_H
#define TFD_PORT_H

#include "slot/block.h"

struct tfd_plan;

/* Slots. */

/*
 * TFD_SLOTS slots in the library's text, aligned to TFD_GRANULE.  Slot i puts the address of record
 * i in the static chain register and jumps to the entry in that record's first word.  It may use
 * a scratch register that carries no argument.  A slot finds its record at a fixed distance, so a
 * copy of the slots finds the records that lie at the same distance from it.
 */
extern const char tfd_slots[TFD_CODE_BYTES];

/* The records of the built-in slots; in provider/table.c. */
extern union tfd_record tfd_records[TFD_SLOTS];

/* Does the code at `slot` do what a slot does, with the record at `record`? */
int tfd_port_slot_leads_to(const void *slot, const void *record);

/* Entries that every port has. */

/* Entry of free and of unprepared slots: calls tfd_dead_report(record). */
tfd_entry tfd_entry_dead;

/* Goes on at the record's target with the record's chain in the static chain register. */
tfd_entry tfd_entry_chain;

/* Plans; or generic/no_plan.c, with which libffi marshals every call. */

/*
 * Fill entry, tail, result, offsets and gathers (room for one per argument) of a zeroed plan whose
 * count is set.  Returns 0 for a signature that is left to libffi.
 */
int tfd_port_plan(struct tfd_plan *plan, const ffi_cif *cif);

/* Is this one of the entries that tfd_port_plan() gives? */
int tfd_port_is_plan_entry(tfd_entry *entry);

/*
 * The end of a call: the integer return registers, once a result of one of the port's own kinds is
 * in its place; what else the tail loads is put into the frame.
 */
struct tfd_return_words tfd_port_finish(unsigned kind, char *frame);

/* Aggregates with members on top of each other: unions, and structures with bit fields. */

struct tfd_scalar {
    size_t offset;
    const ffi_type *type;
};

#define TFD_MEMBERS_MAX 8

/*
 * The members of a structure of that size that libffi passes as C passes an aggregate of these
 * scalars.  Returns how many; 0 for one that is passed in memory whatever it holds.  Called by the
 * extension only, which is linked with libffi.
 */
unsigned tfd_port_aggregate(size_t size, const struct tfd_scalar *scalars, size_t count,
                            ffi_type *members[TFD_MEMBERS_MAX]);

/* Bound functions; or generic/no_bind.c, with which libffi makes every call. */

/*
 * The entry that puts a record's user_data in the place of the first or last argument of the
 * plan's signature, and jumps to the record's function.  NULL when that takes more than registers.
 * The plan is that of the function with all its arguments.
 */
tfd_entry *tfd_port_bind_entry(const struct tfd_plan *plan, enum trampfd_position position);

/* Is this one of the entries that tfd_port_bind_entry() gives? */
int tfd_port_is_bind_entry(tfd_entry *entry);

/* Does ffi_call() pass other arguments for this signature than it is given? */
int tfd_port_libffi_garbles(const struct tfd_plan *plan);

/* Contexts; or generic/no_context.c, with which trampolines are the kernel's only. */

/*
 * A register that contexts can name.  `load` is the step that loads it; NULL for the static
 * chain register, which leads through the steps and is loaded by the last one.
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

/* The entry "context": goes to the first of the record's steps.  NULL where there is none. */
extern tfd_entry *const tfd_port_context;

/* Step: stores stack data as trampfd.h says; its value is the address of a struct tfd_stack. */
tfd_entry tfd_step_stack;

/*
 * The last step of a context: goes on at the PC, its value.  If the context names the static
 * chain register, the value of the step after it is loaded first.
 */
tfd_entry *tfd_port_last_step(const struct trampfd_context *context, int names_chain);

/* The kernel's trampolines (provider/trampfd*.c, trampoline/kernel.c); or generic/no_kernel.c. */

/*
 * Goes on at the entry of the record that lies in the TFD_RECORD_SIZE bytes below the stack
 * pointer, with its address in the static chain register.
 */
tfd_entry tfd_entry_below_stack;

/* The static chain register's number in the kernel's interface. */
extern const uint32_t tfd_port_chain;

/* Code that a libffi has written, for the preload library; or generic/no_stock_code.c. */

/* The address in libffi that the code in `closure` jumps to; NULL if that code is unknown. */
const void *tfd_port_stock_code_target(const void *closure);

/*
 * Entry of a record whose closure.user_data is the memory of a closure that another libffi may
 * have prepared: goes on as the code there would, or at tfd_entry_dead where there is none.  NULL:
 * such closures are left to that libffi.
 */
extern tfd_entry *const tfd_port_foreign;

#endif
