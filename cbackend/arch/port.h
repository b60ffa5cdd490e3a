/* SPDX-License-Identifier: MIT */
/*
 * What a CPU's pair of files (arch/<cpu>.h, arch/<cpu>.S) provides.  Portable C
 * uses these names only and never names a CPU.
 */
#ifndef TFD_PORT_H
#define TFD_PORT_H

#include "slot/block.h"

#if defined(__x86_64__) && defined(__LP64__)
#include "cpu.h"
#else
#error "trampfd has no port to this CPU: add arch/<cpu>/"
#endif

/*
 * TRAMPFD_BLOCK_SLOTS slots in the library's text, aligned to TFD_GRANULE.  Slot
 * i puts the address of record i in the static chain register and jumps to the
 * entry in that record's first word.  Every other register and the stack reach
 * the entry as the caller left them.  A slot finds its record at a fixed distance,
 * so a copy of the slots finds the records that lie at the same distance from it.
 */
extern const char tfd_slots[TFD_CODE_BYTES];

/* The records of the built-in slots. */
extern union tfd_record tfd_records[TRAMPFD_BLOCK_SLOTS];

/* Entry of free and of unprepared slots: calls tfd_dead_report(record). */
tfd_entry tfd_entry_dead;

/*
 * Goes on at the entry of the record that lies in the TFD_RECORD_SIZE bytes below the stack
 * pointer, with its address in the static chain register.
 */
tfd_entry tfd_entry_below_stack;

/* Does the code at `slot` do what a slot does, with the record at `record`? */
int tfd_port_slot_leads_to(const void *slot, const void *record);

_Static_assert(TFD_PORT_SLOT_SIZE == TFD_SLOT_SIZE, "slot size of the port");

#endif
