/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of a table in one address space.
 *
 * Every address space that uses a table has its own copy. The creator's copy is made with the
 * table; a child gets one when fork duplicates the mapping of the records. A copy goes away with
 * its last mapping (the creator's, if it is never mapped, with the table).
 */
#ifndef TRAMPFD_RECORDS_H
#define TRAMPFD_RECORDS_H

#include <linux/bitmap.h>
#include <linux/list.h>

#include "trampfd.h"

struct records_page;

#define RECORDS_PER_PAGE (PAGE_SIZE / TRAMPFD_RECORD_SIZE)

/**
 * struct table - the object of a descriptor
 * @tfd: its lock guards the list, the copies and the contents of their pages
 * @nslots: constant
 * @npages: pages of records, constant
 * @copies: struct copy
 * @ncopies: how many
 */
struct table {
	struct trampfd tfd;
	u32 nslots;
	u32 npages;
	struct list_head copies;
	u32 ncopies;
};

/**
 * struct copy - the records of one address space
 * @node: in table.copies
 * @mm: the address space; held by mmgrab, so that its address means nothing else meanwhile
 * @mappings: vmas that have this copy as vm_private_data
 * @policy: what may be stored
 * @frozen: a bit for each record that is final
 * @pages: shared with copies that a fork made; NULL: all records of the page are zero
 */
struct copy {
	struct list_head node;
	struct mm_struct *mm;
	unsigned int mappings;
	struct trampfd_policy policy;
	DECLARE_BITMAP(frozen, TRAMPFD_MAX_SLOTS);
	struct records_page *pages[];
};

/* All but the first are called under tfd.lock. */
struct copy *copy_create(struct table *table, struct mm_struct *mm);
struct copy *copy_of(struct table *table, const struct mm_struct *mm);
struct copy *copy_inherit(struct table *table, const struct copy *from, struct mm_struct *mm);
void copy_drop(struct table *table, struct copy *copy);

const struct trampfd_record *copy_record(const struct copy *copy, u32 i);
struct page *copy_lock_page(const struct copy *copy, u32 i);
/* Stores @n records from @first on; -ENOMEM or -EDQUOT, which come before the first store. */
int copy_store(struct table *table, struct copy *copy, const struct trampfd_record *records,
	       u32 first, u32 n);
/* Whether the entries of all records are in the list of the copy. */
bool copy_allows(const struct copy *copy, const struct trampfd_record *records, u32 n);
bool copy_is_allowed(const struct table *table, const struct copy *copy);
void copy_freeze(struct copy *copy, u32 first, u32 n);
bool copy_is_frozen(const struct copy *copy, u32 first, u32 n); /* at least one of them */
u32 copy_count_frozen(const struct copy *copy);
u32 copy_count_set(const struct table *table, const struct copy *copy);

#endif
