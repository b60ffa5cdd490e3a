// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records and their pages. A page is allocated when it is first written or touched, and stays the
 * same page for the life of the copy, so nothing has to be unmapped behind a process's back.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "records.h"

static_assert(PAGE_SIZE % TRAMPFD_RECORD_SIZE == 0);

struct copy *copy_create(struct table *table, struct mm_struct *mm)
{
	struct copy *copy;

	copy = kzalloc(struct_size(copy, pages, table->npages), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	mmgrab(mm);
	copy->mm = mm;
	list_add(&copy->node, &table->copies);
	table->ncopies++;
	atomic_long_inc(&trampfd_live_copies);
	return copy;
}

void copy_drop(struct table *table, struct copy *copy)
{
	u32 i, npages = 0;

	for (i = 0; i < table->npages; i++) {
		if (!copy->pages[i])
			continue;
		put_page(copy->pages[i]);
		npages++;
	}
	if (npages)
		trampfd_uncharge(table->tfd.quota, TRAMPFD_PAGES, npages);
	list_del(&copy->node);
	table->ncopies--;
	trampfd_policy_drop(&copy->policy);
	mmdrop(copy->mm);
	kfree(copy);
	atomic_long_dec(&trampfd_live_copies);
}

struct copy *copy_of(struct table *table, const struct mm_struct *mm)
{
	struct copy *copy;

	list_for_each_entry(copy, &table->copies, node)
		if (copy->mm == mm)
			return copy;
	return NULL;
}

int copy_need_page(struct table *table, struct copy *copy, u32 i)
{
	int err;

	if (copy->pages[i])
		return 0;
	err = trampfd_charge(table->tfd.quota, TRAMPFD_PAGES);
	if (err)
		return err;
	copy->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (copy->pages[i])
		return 0;
	trampfd_uncharge(table->tfd.quota, TRAMPFD_PAGES, 1);
	return -ENOMEM;
}

struct copy *copy_inherit(struct table *table, const struct copy *from, struct mm_struct *mm)
{
	struct copy *copy;
	u32 i;

	copy = copy_create(table, mm);
	if (!copy)
		return NULL;
	trampfd_policy_inherit(&copy->policy, &from->policy);
	bitmap_copy(copy->frozen, from->frozen, TRAMPFD_MAX_SLOTS);
	for (i = 0; i < table->npages; i++) {
		if (!from->pages[i])
			continue;
		if (copy_need_page(table, copy, i)) {
			copy_drop(table, copy);
			return NULL;
		}
		copy_page(page_address(copy->pages[i]), page_address(from->pages[i]));
	}
	return copy;
}

static struct trampfd_record *record_at(const struct copy *copy, u32 i)
{
	struct page *page = copy->pages[i / RECORDS_PER_PAGE];

	return page ? (struct trampfd_record *)page_address(page) + i % RECORDS_PER_PAGE : NULL;
}

const struct trampfd_record *copy_record(const struct copy *copy, u32 i)
{
	return record_at(copy, i);
}

/* User space may be jumping through the record: no torn word, and the entry last. */
static void store_record(struct trampfd_record *to, const struct trampfd_record *from)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(to->words); i++)
		WRITE_ONCE(to->words[i], from->words[i]);
	/* Pairs with nothing but the order in which the processor of a caller loads. */
	smp_store_release(&to->entry, from->entry);
}

int copy_store(struct table *table, struct copy *copy, const struct trampfd_record *records,
	       u32 first, u32 n)
{
	u32 i;
	int err;

	for (i = first / RECORDS_PER_PAGE; i <= (first + n - 1) / RECORDS_PER_PAGE; i++) {
		err = copy_need_page(table, copy, i);
		if (err)
			return err;
	}
	for (i = 0; i < n; i++)
		store_record(record_at(copy, first + i), &records[i]);
	return 0;
}

bool copy_allows(const struct copy *copy, const struct trampfd_record *records, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (records[i].entry && !trampfd_policy_allows(&copy->policy, records[i].entry))
			return false;
	return true;
}

/* With the longest list, these are some million comparisons. */
bool copy_is_allowed(const struct table *table, const struct copy *copy)
{
	u32 i;

	for (i = 0; i < table->npages; i++) {
		if (copy->pages[i] &&
		    !copy_allows(copy, page_address(copy->pages[i]), RECORDS_PER_PAGE))
			return false;
		cond_resched();
	}
	return true;
}

void copy_freeze(struct copy *copy, u32 first, u32 n)
{
	bitmap_set(copy->frozen, first, n);
}

bool copy_is_frozen(const struct copy *copy, u32 first, u32 n)
{
	return find_next_bit(copy->frozen, first + n, first) < first + n;
}

u32 copy_count_frozen(const struct copy *copy)
{
	return bitmap_weight(copy->frozen, TRAMPFD_MAX_SLOTS);
}

u32 copy_count_set(const struct table *table, const struct copy *copy)
{
	const struct trampfd_record *record;
	u32 i, n = 0;

	for (i = 0; i < table->nslots; i++) {
		record = copy_record(copy, i);
		n += record && record->entry;
	}
	return n;
}
