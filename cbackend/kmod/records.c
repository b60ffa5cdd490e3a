// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records and their pages.
 *
 * A fork copies no page: parent and child share them until one of them stores a record there. The
 * writer then gets a page of its own, where an error can be returned, and its old one is unmapped.
 * Pages that were never written are all the same page of zeros, which nobody is charged for.
 *
 * A page is charged to the user who had it made, and counts as pinned memory of each address space
 * that has it.
 */
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "records.h"

static_assert(PAGE_SIZE % TRAMPFD_RECORD_SIZE == 0);

/**
 * struct records_page - a page of records
 * @page: owned
 * @quota: whom it is charged to
 * @users: copies that have it, all of one table, whose lock guards this
 */
struct records_page {
	struct page *page;
	struct trampfd_quota *quota;
	u32 users;
};

static struct page *zeros;

int trampfd_records_init(void)
{
	zeros = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return zeros ? 0 : -ENOMEM;
}

void trampfd_records_exit(void)
{
	__free_page(zeros);
}

static struct page *page_of(const struct copy *copy, u32 i)
{
	return copy->pages[i] ? copy->pages[i]->page : zeros;
}

static struct records_page *make_page(void)
{
	struct records_page *made;
	int err = -ENOMEM;

	made = kzalloc(sizeof(*made), GFP_KERNEL_ACCOUNT);
	if (!made)
		return ERR_PTR(-ENOMEM);
	made->page = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!made->page)
		goto free;
	made->quota = trampfd_charge(TRAMPFD_PAGES);
	if (IS_ERR(made->quota)) {
		err = PTR_ERR(made->quota);
		goto put_page;
	}
	made->users = 1;
	return made;

put_page:
	put_page(made->page);
free:
	kfree(made);
	return ERR_PTR(err);
}

static void put_records(struct records_page *page)
{
	if (!page || --page->users)
		return;
	trampfd_uncharge(page->quota, TRAMPFD_PAGES);
	put_page(page->page);
	kfree(page);
}

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
		npages += !!copy->pages[i];
		put_records(copy->pages[i]);
	}
	trampfd_unpin(copy->mm, npages);
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

/* The page to map for a fault; locked, with a reference. */
struct page *copy_lock_page(const struct copy *copy, u32 i)
{
	struct page *page = page_of(copy, i);

	get_page(page);
	lock_page(page);
	return page;
}

/*
 * From here on, user space finds the new page. A fault that found the old one keeps it locked until
 * it is mapped, so that it can be unmapped. That is done in all address spaces, as the kernel has
 * no way to name one; the others fault their page in again.
 */
static void replace_page(struct table *table, struct copy *copy, u32 i, struct records_page *new)
{
	struct records_page *old = copy->pages[i];
	struct page *page = page_of(copy, i);

	copy_page(page_address(new->page), page_address(page));
	copy->pages[i] = new;
	lock_page(page);
	unlock_page(page);
	unmap_mapping_range(table->tfd.mapping, TRAMPFD_RECORDS_OFFSET + (loff_t)i * PAGE_SIZE,
			    PAGE_SIZE, 1);
	put_records(old);
}

/* Makes sure that the copy has page @i for itself. */
static int own_page(struct table *table, struct copy *copy, u32 i)
{
	const bool is_first = !copy->pages[i];
	struct records_page *new;
	int err;

	if (!is_first && copy->pages[i]->users == 1)
		return 0;
	err = is_first ? trampfd_pin(copy->mm) : 0;
	if (err)
		return err;
	new = make_page();
	if (IS_ERR(new)) {
		trampfd_unpin(copy->mm, is_first);
		return PTR_ERR(new);
	}
	replace_page(table, copy, i, new);
	return 0;
}

struct copy *copy_inherit(struct table *table, const struct copy *from, struct mm_struct *mm)
{
	struct copy *copy = copy_create(table, mm);
	u32 i, npages = 0;

	if (!copy)
		return NULL;
	trampfd_policy_inherit(&copy->policy, &from->policy);
	bitmap_copy(copy->frozen, from->frozen, TRAMPFD_MAX_SLOTS);
	for (i = 0; i < table->npages; i++) {
		copy->pages[i] = from->pages[i];
		if (!copy->pages[i])
			continue;
		copy->pages[i]->users++;
		npages++;
	}
	/* Its parent had as many, so this is within the limit that both have. */
	trampfd_pin_inherited(mm, npages);
	return copy;
}

static struct trampfd_record *record_at(const struct copy *copy, u32 i)
{
	struct page *page = page_of(copy, i / RECORDS_PER_PAGE);

	return (struct trampfd_record *)page_address(page) + i % RECORDS_PER_PAGE;
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
		err = own_page(table, copy, i);
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
		    !copy_allows(copy, page_address(page_of(copy, i)), RECORDS_PER_PAGE))
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
		n += !!record->entry;
	}
	return n;
}
